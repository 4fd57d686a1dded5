/** Searches a vector store for the search endpoint. */
import type { VectorStoreSearchPage, VectorStoreSearchRequest } from '../api/vector-stores.ts'
import { rewriteQuery } from '../search/rewrite-query.ts'
import { searchStores, type SearchResult } from '../search/search.ts'
import { findStoreRows } from '../sql/vector-stores.ts'
import type { Context } from './context.ts'

/**
 * Returns undefined when there is no such vector store, and an empty page when `signal` aborts. `missing` is the number of
 * chunks that the search left out.
 */
export async function searchVectorStore(
  { db, retrieval, log }: Pick<Context, 'db' | 'retrieval' | 'log'>,
  { project, vector_store_id, withScores }: { project: string; vector_store_id: string; withScores: boolean },
  request: VectorStoreSearchRequest,
  signal: AbortSignal,
): Promise<{ page: VectorStoreSearchPage; missing: number } | undefined> {
  const stores = await findStoreRows(db, project, [vector_store_id])
  if (stores.length === 0) return undefined
  const texts = [request.query].flat()
  const queries = request.rewrite_query ? texts.map(rewriteQuery) : texts
  const { ranker = 'auto', score_threshold = 0 } = request.ranking_options ?? {}
  const search = {
    project,
    vector_store_ids: [vector_store_id],
    queries,
    max_num_results: request.max_num_results,
    filters: request.filters,
    score_threshold,
    ranker: ranker === 'none' ? ('none' as const) : ('auto' as const),
  }
  const found = await searchStores({ ...retrieval, log }, search, signal).catch((error: unknown) => {
    if (signal.aborted) return undefined
    throw error
  })
  const page: VectorStoreSearchPage = {
    object: 'vector_store.search_results.page',
    search_query: queries,
    data: (found?.results ?? []).map((result) =>
      withScores ? { ...toEntry(result), ...detailsOf(result) } : toEntry(result),
    ),
    has_more: false,
    next_page: null,
  }
  return { page, missing: found?.missing ?? 0 }
}

function toEntry({ file_id, filename, score, attributes, text }: SearchResult) {
  return { file_id, filename, score, attributes, content: [{ type: 'text' as const, text }] }
}

function detailsOf({ scores, page, slide, heading }: SearchResult) {
  return {
    scores,
    ...(page !== undefined && { page }),
    ...(slide !== undefined && { slide }),
    ...(heading !== undefined && { heading }),
  }
}
