/** Makes one ranking of what was found by vectors and what was found by words. */

export type Ranker = 'none' | 'auto'

/** By id: the vectors of these embedders say nothing about a text in another language. */
const englishOnly = new Set(['use-lite/512', 'minilm-words/128', 'all-minilm-l6-v2/384'])

/** Whether vectors say something about a query. `language` is that of the query, undefined when it is not sure. */
export function isRead(query: string, embedderId: string, language: string | undefined): boolean {
  if (!englishOnly.has(embedderId)) return true
  const isForeignScript = /\p{L}/u.test(query) && !/\p{Script=Latin}/u.test(query)
  return !isForeignScript && (language === undefined || language === 'en')
}

/** Scores by chunk id. */
export type Scores = ReadonlyMap<string, number>

/**
 * Scores of words as they are shown and fused: the best of a query has the root of its share of the query, since a chunk
 * with all words, each once, has about half of what BM25 could reach. The order stays.
 */
export function rootScores(words: Scores): Map<string, number> {
  const root = Math.sqrt(rangeOf(words).most)
  return new Map([...words].map(([id, score]) => [id, root === 0 ? 0 : score / root]))
}

/** A smaller spread of cosines counts as this: little differences are chance when there are few candidates. */
const leastSpread = 0.1
/** Vectors of a query that the embedder cannot read only order what the words leave equal. */
const unreadWeight = 1e-6
/** Queries with more different words are long: even the best chunk has a small part of them. */
const shortWords = 8

/**
 * `weight * cosine + (1 - weight) * words`, words by `rootScores`, both cut to 0..1, so the sum is in 0..1 too. A chunk
 * that only one of the two found has 0 from the other. The weight is the one that orders the chunks as if both had been
 * stretched over the candidates, cosines to 0..1 and words to their best, and cosines counted `vectorWeight` times as
 * much as words.
 */
export function fuseScores(
  vectors: Scores,
  words: Scores,
  query: { text: string; isRead: boolean },
): Map<string, number> {
  const bestWords = rangeOf(words).most
  const { least, most } = rangeOf(vectors)
  const cosines = (query.isRead ? vectorWeight(query.text, words) : unreadWeight) * bestWords
  const spread = Math.max(leastSpread, most - least)
  // Words that found nothing weigh nothing.
  const weight = bestWords === 0 ? 1 : cosines / (cosines + spread)
  const fused = new Map<string, number>()
  for (const id of new Set([...vectors.keys(), ...words.keys()])) {
    fused.set(id, weight * within(vectors.get(id)) + (1 - weight) * within(words.get(id)))
  }
  return fused
}

/** The best chunk has so much of the query that its lead tells. */
const clearlyFound = 0.4

/**
 * How much the vectors count where words count 1. The less the best chunk has of the rare words of the query, the less
 * words can tell: a query in other words than the text's is a matter of vectors, an id is one of words. And the farther
 * the best chunk is ahead of the next, the less there is left to decide.
 */
function vectorWeight(query: string, words: Scores): number {
  const different = new Set(query.toLowerCase().match(/[\p{L}\p{N}]+/gu)).size
  const { most, second } = rangeOf(words)
  const found = most ** 2 * Math.cbrt(Math.max(1, different / shortWords))
  const lead = (1 - second / most) * Math.min(1, found / clearlyFound)
  return Math.max(unreadWeight, (1 - lead) ** 2 * (0.5 + 0.07 / Math.max(0.02, found) ** 2))
}

/** The least, the most and the second most, within 0..1. */
function rangeOf(scores: Scores): { least: number; most: number; second: number } {
  let [least, most, second] = [1, 0, 0]
  for (const score of scores.values()) {
    const value = within(score)
    least = Math.min(least, value)
    second = Math.max(second, Math.min(most, value))
    most = Math.max(most, value)
  }
  return { least, most, second }
}

/** Several queries at once: a chunk gets the score of the query that it fits best. */
export function bestOf(queries: Scores[]): Map<string, number> {
  const best = new Map<string, number>()
  for (const scores of queries) {
    for (const [id, score] of scores) best.set(id, Math.max(score, best.get(id) ?? 0))
  }
  return best
}

function within(score: number | undefined): number {
  return Math.min(1, Math.max(0, score ?? 0))
}

export interface Candidate {
  chunk_id: string
  file_id: string
  /** Where the chunk is in its file, in UTF-16 units. */
  start: number
  end: number
  score: number
}

export interface RankOptions {
  limit: number
  score_threshold: number
  ranker: Ranker
}

/**
 * Best first, none below the threshold. Chunks overlap, so the best passage is often found two or three times. Of
 * chunks that share much of their text only the best is kept, unless the ranker is `none`.
 */
export function rankCandidates<T extends Candidate>(candidates: T[], options: RankOptions): T[] {
  const sorted = candidates
    .filter(({ score }) => score >= options.score_threshold)
    .toSorted((one, other) => other.score - one.score || (one.chunk_id < other.chunk_id ? -1 : 1))
  const kept: T[] = []
  for (const candidate of sorted) {
    if (kept.length >= options.limit) break
    if (options.ranker === 'none' || !kept.some((better) => repeats(candidate, better))) kept.push(candidate)
  }
  return kept
}

/** Neighbours overlap by about half; chunks end with a sentence, so some share a little less. */
const mostShared = 0.4

function repeats(one: Candidate, other: Candidate): boolean {
  if (one.file_id !== other.file_id) return false
  const shared = Math.min(one.end, other.end) - Math.max(one.start, other.start)
  return shared > mostShared * Math.min(one.end - one.start, other.end - other.start)
}
