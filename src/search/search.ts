/** Searches vector stores, for the search endpoint and for the tool `file_search`. */
import { errors } from '../api/errors.ts'
import type { Attributes } from '../api/metadata.ts'
import type { ScoreParts } from '../api/run-work.ts'
import type { SearchFilter } from '../api/vector-stores.ts'
import { findChunks, hasWindows, type FoundChunk } from '../sql/chunks.ts'
import { findStoreRows, isExpired, touchVectorStores, type VectorStoreRow } from '../sql/vector-stores.ts'
import { attributesOfStore } from '../sql/vector-store-files.ts'
import { nowSeconds } from '../util/clock.ts'
import { passesFilter } from './attribute-filter.ts'
import type { WordQuery } from './word-source.ts'
import {
  bestOf,
  fuseScores,
  rankCandidates,
  rootScores,
  usualWeight,
  type Candidate,
  type Ranker,
  type Scores,
} from './rank.ts'
import type { Retrieval } from './retrieval.ts'
import { chunkId, chunkKey, vectorSource, wordSource } from './store-sources.ts'
import type { Hit } from './top-hits.ts'

export interface Search {
  project: string
  /** Stores that do not exist are left out. */
  vector_store_ids: readonly string[]
  /** A chunk gets the score of the query that it fits best. */
  queries: readonly string[]
  max_num_results: number
  filters?: SearchFilter | undefined
  /** 0..1; weaker chunks are left out. */
  score_threshold: number
  ranker: Ranker
}

export interface SearchResult {
  file_id: string
  filename: string
  /** 0..1 */
  score: number
  /** What the score was made of. */
  scores: ScoreParts
  attributes: Attributes
  text: string
  /** Where the passage begins, and where it ends. */
  page?: number
  last_page?: number
  slide?: number
  last_slide?: number
  heading?: string
  vector_store_id: string
}

/** The best chunks of each store and query, by vectors and by words. Only they can become results. */
export const poolSize = 200

type Ranked = Candidate & { chunk: FoundChunk; scores: ScoreParts }

/**
 * Best first. While a store has no vectors, or the queries cannot be embedded, only words count. Throws an `ApiError`
 * for a store that has expired or was made with another embedder.
 */
export async function searchStores(
  retrieval: Retrieval,
  search: Search,
  signal: AbortSignal,
): Promise<SearchResult[]> {
  const stores = await storesToSearch(retrieval, search)
  const queries = await readQueries(retrieval, search.queries)
  let vectors: Promise<Float32Array[]> | undefined
  // Not needed for stores without vectors; the embedder may be slow to start.
  const embedded = () => (vectors ??= embedQueries(retrieval, search.queries, signal))
  const found: Ranked[] = []
  for (const store of stores) {
    found.push(...(await searchStore(retrieval, store, { search, queries, embedded, signal })))
  }
  const candidates = await rerank(retrieval, search, { candidates: onceByFile(found), signal })
  const ranked = rankCandidates(candidates, {
    limit: search.max_num_results,
    score_threshold: search.score_threshold,
    ranker: search.ranker,
  })
  return ranked.map(toResult)
}

/** A search answers with no more results than this, and a reranker reads every one. */
const rerankLimit = 50

/** The best candidates with the scores of the reranker; all as they were when there is none, or when it fails. */
async function rerank(
  { reranker, log }: Retrieval,
  { queries, ranker }: Search,
  { candidates, signal }: { candidates: Ranked[]; signal: AbortSignal },
): Promise<Ranked[]> {
  if (!reranker || ranker === 'none' || candidates.length === 0) return candidates
  const best = rankCandidates(candidates, { limit: rerankLimit, score_threshold: 0, ranker })
  const texts = best.map(({ chunk }) => chunk.text)
  try {
    const scored = await Promise.all(queries.map((query) => reranker.rerank(query, texts, signal)))
    return best.map((candidate, at) => {
      const score = Math.max(...scored.map((scores) => scores[at] ?? 0))
      return { ...candidate, score, scores: { ...candidate.scores, rerank: score } }
    })
  } catch (error) {
    signal.throwIfAborted()
    log('warn', 'the results could not be reranked; they keep the order of the search', { error })
    return candidates.map((candidate) => ({ ...candidate, scores: { ...candidate.scores, rerank: null } }))
  }
}

/** The stores that exist, in the order of the request. A search counts as activity. */
async function storesToSearch({ db, clock, embedder }: Retrieval, search: Search): Promise<VectorStoreRow[]> {
  const ids = [...new Set(search.vector_store_ids)]
  const rows = await findStoreRows(db, search.project, ids)
  const now = nowSeconds(clock)
  for (const row of rows) {
    if (isExpired(row, now)) throw errors.vectorStoreExpired(row.id)
    // A store without vectors can be searched with any embedder.
    if (row.embedder !== embedder.id && (await hasWindows(db, row.id))) {
      throw errors.embedderChanged(row.id, row.embedder, embedder.id)
    }
  }
  const found = ids.flatMap((id) => rows.filter((row) => row.id === id))
  if (found.some((row) => row.last_active_at < now)) {
    await touchVectorStores(
      db,
      found.map((row) => row.id),
      now,
    )
  }
  return found
}

interface Query extends WordQuery {
  /** Of vectors: `usualWeight`. */
  weight: number
}

async function readQueries({ languages, embedder }: Retrieval, queries: readonly string[]): Promise<Query[]> {
  return Promise.all(
    queries.map(async (text) => {
      const language = await languages.detect(text)
      return { text, language, weight: usualWeight(text, embedder.id, language) }
    }),
  )
}

async function searchStore(
  retrieval: Retrieval,
  store: VectorStoreRow,
  {
    search,
    queries,
    embedded,
    signal,
  }: {
    search: Search
    queries: readonly Query[]
    embedded: () => Promise<Float32Array[]>
    signal: AbortSignal
  },
): Promise<Ranked[]> {
  const accept = await acceptor(retrieval, store.id, search.filters)
  const vectors = (await hasWindows(retrieval.db, store.id)) ? await embedded() : []
  const scored: Scored[] = []
  for (const [index, query] of queries.entries()) {
    scored.push(await scoreStore(retrieval, store, { query, vector: vectors[index], accept, signal }))
  }
  return readCandidates(retrieval, store, scored)
}

/** Nothing when the embedder fails: words still find much, and a run need not fail for it. */
async function embedQueries(
  { embedder, log }: Retrieval,
  queries: readonly string[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  try {
    return await embedder.embed([...queries], 'query', signal)
  } catch (error) {
    signal.throwIfAborted()
    log('warn', 'a query could not be embedded; the search compares words only', { error })
    return []
  }
}

type Accept = (chunk_id: string) => boolean

/** The scores of one query, and those that they were made of; undefined where meaning did not count. */
interface Scored {
  fused: Scores
  meaning: Scores | undefined
  words: Scores
}

interface Comparison {
  query: Query
  /** Undefined while the store has no vectors. */
  vector: Float32Array | undefined
  accept: Accept | undefined
  signal: AbortSignal
}

async function scoreStore(
  { db, vectors, words, embedder }: Retrieval,
  store: VectorStoreRow,
  { query, vector, accept, signal }: Comparison,
): Promise<Scored> {
  const source = wordSource(db, store.id)
  const byWords = (options: Pooled) => words.search(source, query, options, signal)
  const all = accept ? { limit: poolSize, accept } : { limit: poolSize }
  if (!vector) return wordsOnly((await byWords(all)).hits)
  const vectorRows = vectorSource(db, store.id, embedder.dimensions)
  const byVectors = (options: Pooled) => vectors.search(vectorRows, vector, options, signal)
  const [vectorHits, { hits: wordHits, rareWords }] = await Promise.all([byVectors(all), byWords(all)])
  // No file has all its vectors yet.
  if (vectorHits.length === 0) return wordsOnly(wordHits)
  // A chunk that only one index found gets its score from the other index too.
  const vectorsToo = await searchRest(byVectors, wordHits, vectorHits)
  const wordsToo = await searchRest(async (options) => (await byWords(options)).hits, vectorHits, wordHits)
  const meaning = scoresOf([...vectorHits, ...vectorsToo])
  const inWords = rootScores(scoresOf([...wordHits, ...wordsToo]))
  const fused = fuseScores(meaning, inWords, { weight: query.weight, rareWords })
  return { fused, meaning, words: inWords }
}

function wordsOnly(hits: Hit[]): Scored {
  const words = rootScores(scoresOf(hits))
  return { fused: words, meaning: undefined, words }
}

/** Of the query that a chunk fits best, the parts of its score. */
function partsOf(scored: readonly Scored[], chunk_id: string): ScoreParts {
  const best = scored.toSorted(
    (one, other) => (other.fused.get(chunk_id) ?? 0) - (one.fused.get(chunk_id) ?? 0),
  )[0]
  const meaning = best?.meaning ? (best.meaning.get(chunk_id) ?? 0) : null
  return { meaning, words: best?.words.get(chunk_id) ?? 0 }
}

interface Pooled {
  limit: number
  accept?: Accept
}

/** The scores of those chunks of `wanted` that are missing in `known` because it was cut at the pool size. */
async function searchRest(
  find: (options: Pooled) => Promise<Hit[]>,
  wanted: Hit[],
  known: Hit[],
): Promise<Hit[]> {
  if (known.length < poolSize) return []
  const ids = new Set(wanted.map((hit) => hit.chunk_id))
  for (const hit of known) ids.delete(hit.chunk_id)
  return ids.size === 0 ? [] : find({ limit: ids.size, accept: (id) => ids.has(id) })
}

function scoresOf(hits: Hit[]): Map<string, number> {
  return new Map(hits.map(({ chunk_id, score }) => [chunk_id, score]))
}

/** Which chunks pass the filters. It depends on their files only. */
async function acceptor(
  { db }: Retrieval,
  vector_store_id: string,
  filters: SearchFilter | undefined,
): Promise<Accept | undefined> {
  if (!filters) return undefined
  const passing = new Set<number>()
  for (const [store_file, attributes] of await attributesOfStore(db, vector_store_id)) {
    if (passesFilter(filters, attributes)) passing.add(store_file)
  }
  return (chunk_id) => passing.has(chunkKey(chunk_id).store_file)
}

/** The best chunks, read from the database. Those that were removed meanwhile are left out. */
async function readCandidates(
  { db }: Retrieval,
  store: VectorStoreRow,
  scored: readonly Scored[],
): Promise<Ranked[]> {
  const scores = bestOf(scored.map(({ fused }) => fused))
  const best = [...scores].toSorted(([, one], [, other]) => other - one).slice(0, poolSize)
  const chunks = await findChunks(
    db,
    store.id,
    best.map(([id]) => chunkKey(id)),
  )
  return chunks.map((chunk) => {
    const id = chunkId(chunk)
    return {
      chunk,
      chunk_id: id,
      file_id: chunk.file_id,
      start: chunk.start_at,
      end: chunk.end_at,
      score: scores.get(id) ?? 0,
      scores: partsOf(scored, id),
    }
  })
}

/** A file that is in several stores is taken from the store where it scores best. */
function onceByFile(found: Ranked[]): Ranked[] {
  const homes = new Map<string, Ranked>()
  for (const one of found) {
    const best = homes.get(one.file_id)
    if (!best || one.score > best.score) homes.set(one.file_id, one)
  }
  return found.filter(
    ({ file_id, chunk }) => homes.get(file_id)?.chunk.vector_store_id === chunk.vector_store_id,
  )
}

function toResult({ chunk, score, scores }: Ranked): SearchResult {
  return {
    file_id: chunk.file_id,
    filename: chunk.filename,
    score,
    scores,
    attributes: chunk.attributes,
    text: chunk.text,
    ...(chunk.page !== null && { page: chunk.page }),
    ...(chunk.last_page !== null && { last_page: chunk.last_page }),
    ...(chunk.slide !== null && { slide: chunk.slide }),
    ...(chunk.last_slide !== null && { last_slide: chunk.last_slide }),
    ...(chunk.heading !== null && { heading: chunk.heading }),
    vector_store_id: chunk.vector_store_id,
  }
}
