/** /v1/vector_stores */
import { errors } from '../api/errors.ts'
import { ListVectorStoresQuery } from '../api/lists.ts'
import { parse, parseQuery } from '../api/parse.ts'
import {
  CreateVectorStoreRequest,
  ModifyVectorStoreRequest,
  VectorStoreSearchRequest,
  type VectorStoreDeleted,
  type VectorStoreSearchPage,
} from '../api/vector-stores.ts'
import { createVectorStore } from '../domain/create-vector-store.ts'
import { deleteVectorStore } from '../domain/delete-vector-store.ts'
import { modifyVectorStore } from '../domain/modify-vector-store.ts'
import { rewriteQuery } from '../search/rewrite-query.ts'
import { searchStores, type SearchResult } from '../search/search.ts'
import { findVectorStore, listVectorStores } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import { requireVectorStore } from './missing.ts'
import { answerPage, pageQuery } from './pages.ts'
import { pathIds } from './params.ts'
import type { Server } from './server.ts'
import { hangUpSignal } from './sse.ts'

export function vectorStoreRoutes(server: Server): void {
  const { http, context } = server
  http.post('/vector_stores', async (request) =>
    createVectorStore(context, request.project, parse(CreateVectorStoreRequest, request.body)),
  )

  http.get('/vector_stores', async (request) => {
    const query = pageQuery(parseQuery(ListVectorStoresQuery, request.query))
    const now = nowSeconds(context.clock)
    return answerPage('vector_store', listVectorStores(context.db, request.project, { query, now }))
  })

  http.get('/vector_stores/:vector_store_id', async (request) => {
    const { vector_store_id: id } = pathIds(request, 'vector_store_id')
    const store = await findVectorStore(
      context.db,
      { project: request.project, id },
      nowSeconds(context.clock),
    )
    if (!store) throw errors.notFound('vector_store', id)
    return store
  })

  http.post('/vector_stores/:vector_store_id', async (request) => {
    const { vector_store_id: id } = pathIds(request, 'vector_store_id')
    const body = parse(ModifyVectorStoreRequest, request.body)
    return modifyVectorStore(context, { project: request.project, id }, body)
  })

  http.delete('/vector_stores/:vector_store_id', async (request): Promise<VectorStoreDeleted> => {
    const { vector_store_id: id } = pathIds(request, 'vector_store_id')
    await deleteVectorStore(context, { project: request.project, id })
    return { id, object: 'vector_store.deleted', deleted: true }
  })

  searchRoute(server)
}

function searchRoute({ http, context }: Server): void {
  http.post(
    '/vector_stores/:vector_store_id/search',
    async (request, reply): Promise<VectorStoreSearchPage> => {
      const { vector_store_id: id } = pathIds(request, 'vector_store_id')
      const body = parse(VectorStoreSearchRequest, request.body)
      const { project } = request
      await requireVectorStore(context, project, id)
      const asked = Array.isArray(body.query) ? body.query : [body.query]
      const queries = body.rewrite_query ? asked.map(rewriteQuery) : asked
      const { ranker = 'auto', score_threshold = 0 } = body.ranking_options ?? {}
      const signal = hangUpSignal(reply)
      const results = await searchStores(
        context.retrieval,
        {
          project,
          vector_store_ids: [id],
          queries,
          max_num_results: body.max_num_results,
          filters: body.filters,
          score_threshold,
          ranker: ranker === 'none' ? 'none' : 'auto',
        },
        signal,
      ).catch((error: unknown) => {
        // Nobody is there any more to be told.
        if (signal.aborted) return []
        throw error
      })
      return {
        object: 'vector_store.search_results.page',
        search_query: queries,
        data: results.map(toEntry),
        has_more: false,
        next_page: null,
      }
    },
  )
}

function toEntry({ file_id, filename, score, attributes, text }: SearchResult) {
  return { file_id, filename, score, attributes, content: [{ type: 'text' as const, text }] }
}
