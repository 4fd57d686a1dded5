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
import type { Found, SearchOptions, Within } from './port.ts'
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

export interface SearchResults {
  /** Best first. */
  results: SearchResult[]
  /** How many chunks were not searched, because the indexes of a large store are still being made. */
  missing: number
}

/**
 * While a store has no vectors, or the queries cannot be embedded, only words count. Throws an `ApiError`
 * for a store that has expired or was made with another embedder.
 */
export async function searchStores(
  retrieval: Retrieval,
  search: Search,
  signal: AbortSignal,
): Promise<SearchResults> {
  const stores = await storesToSearch(retrieval, search)
  const queries = await readQueries(retrieval, search.queries)
  let vectors: Promise<Float32Array[]> | undefined
  // Called at first need: stores without vectors do not need it, and the embedder may start slowly.
  const embedded = () => (vectors ??= embedQueries(retrieval, search.queries, signal))
  const found: Ranked[] = []
  let missing = 0
  for (const store of stores) {
    const searched = await searchStore(retrieval, store, { search, queries, embedded, signal })
    found.push(...searched.found)
    missing += searched.missing
  }
  if (missing > 0)
    retrieval.log('warn', 'a search left out chunks whose index is being made', { chunks: missing })
  const candidates = await rerank(retrieval, search, { candidates: onceByFile(found), signal })
  const ranked = rankCandidates(candidates, {
    limit: search.max_num_results,
    score_threshold: search.score_threshold,
    ranker: search.ranker,
  })
  return { results: ranked.map(toResult), missing }
}

/** A search answers with no more results than this, and a reranker reads every one. */
const rerankLimit = 50

/** Gives the best candidates the scores of the reranker. Returns all unchanged when there is no reranker or it fails. */
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
): Promise<{ found: Ranked[]; missing: number }> {
  const within = await passingFiles(retrieval, store.id, search.filters)
  const vectors = (await hasWindows(retrieval.db, store.id)) ? await embedded() : []
  const scored: Scored[] = []
  for (const [index, query] of queries.entries()) {
    scored.push(await scoreStore(retrieval, store, { query, vector: vectors[index], within, signal }))
  }
  const missing = Math.max(...scored.map((one) => one.missing))
  return { found: await readCandidates(retrieval, store, scored), missing }
}

/** Returns nothing when the embedder fails: a search by words still finds much, and the run need not fail. */
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

/** The scores of one query and their parts; the part of vectors is undefined when they did not count. */
interface Scored {
  fused: Scores
  meaning: Scores | undefined
  words: Scores
  missing: number
}

interface Comparison {
  query: Query
  /** Undefined while the store has no vectors. */
  vector: Float32Array | undefined
  within: Within | undefined
  signal: AbortSignal
}

async function scoreStore(
  { db, vectors, words, embedder }: Retrieval,
  store: VectorStoreRow,
  { query, vector, within, signal }: Comparison,
): Promise<Scored> {
  const source = wordSource(db, store.id)
  const byWords = (options: SearchOptions) => words.search(source, query, options, signal)
  const all = { limit: poolSize, within }
  if (!vector) return wordsOnly(await byWords(all))
  const vectorRows = vectorSource(db, store.id, embedder.dimensions)
  const byVectors = (options: SearchOptions) => vectors.search(vectorRows, vector, options, signal)
  const [near, worded] = await Promise.all([byVectors(all), byWords(all)])
  const missing = Math.max(near.missing, worded.missing)
  // No file has all its vectors yet.
  if (near.hits.length === 0) return { ...wordsOnly(worded), missing }
  // A chunk that only one index found gets its score from the other index too.
  const vectorsToo = await searchRest(byVectors, worded.hits, near.hits)
  const wordsToo = await searchRest(byWords, near.hits, worded.hits)
  const meaning = scoresOf([...near.hits, ...vectorsToo])
  const inWords = rootScores(scoresOf([...worded.hits, ...wordsToo]))
  const fused = fuseScores(meaning, inWords, { weight: query.weight, rareWords: worded.rareWords })
  return { fused, meaning, words: inWords, missing }
}

function wordsOnly({ hits, missing }: Found): Scored {
  const words = rootScores(scoresOf(hits))
  return { fused: words, meaning: undefined, words, missing }
}

/** The parts of a chunk's score, for the query that it fits best. */
function partsOf(scored: readonly Scored[], chunk_id: string): ScoreParts {
  const best = scored.toSorted(
    (one, other) => (other.fused.get(chunk_id) ?? 0) - (one.fused.get(chunk_id) ?? 0),
  )[0]
  const meaning = best?.meaning ? (best.meaning.get(chunk_id) ?? 0) : null
  return { meaning, words: best?.words.get(chunk_id) ?? 0 }
}

/** The scores of those chunks of `wanted` that are missing in `known` because it was cut at the pool size. */
async function searchRest(
  find: (options: SearchOptions) => Promise<Found>,
  wanted: Hit[],
  known: Hit[],
): Promise<Hit[]> {
  if (known.length < poolSize) return []
  const ids = new Set(wanted.map((hit) => hit.chunk_id))
  for (const hit of known) ids.delete(hit.chunk_id)
  if (ids.size === 0) return []
  const within = new Map<number, Set<number>>()
  for (const { store_file, position } of [...ids].map(chunkKey)) {
    within.set(store_file, (within.get(store_file) ?? new Set()).add(position))
  }
  return (await find({ limit: ids.size, within })).hits
}

function scoresOf(hits: Hit[]): Map<string, number> {
  return new Map(hits.map(({ chunk_id, score }) => [chunk_id, score]))
}

/** All chunks of the files that pass the filters. */
async function passingFiles(
  { db }: Retrieval,
  vector_store_id: string,
  filters: SearchFilter | undefined,
): Promise<Within | undefined> {
  if (!filters) return undefined
  const files = await attributesOfStore(db, vector_store_id)
  const passing = [...files].filter(([, attributes]) => passesFilter(filters, attributes))
  return new Map(passing.map(([store_file]) => [store_file, undefined]))
}

/** Reads the best chunks from the database. Chunks that were removed meanwhile are left out. */
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
