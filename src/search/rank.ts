/** Joins the results by vectors and the results by words in one ranking. */

export type Ranker = 'none' | 'auto'

/** The ids of embedders whose vectors say nothing about a text in another language. */
const englishOnly = new Set(['use-lite/512', 'minilm-words/128', 'all-minilm-l6-v2/384'])

/** The ids of embedders that look up words in a table and do not know how a sentence joins them. */
const wordTables = new Set(['minilm-words/128'])

/**
 * How much vectors usually count where words count 1; 0 when they say nothing about the query. `language` is that of the
 * query, undefined when it is not sure.
 */
export function usualWeight(query: string, embedderId: string, language: string | undefined): number {
  const isForeignScript = /\p{L}/u.test(query) && !/\p{Script=Latin}/u.test(query)
  const isEnglish = !isForeignScript && (language === undefined || language === 'en')
  if (englishOnly.has(embedderId) && !isEnglish) return 0
  return wordTables.has(embedderId) ? 0.5 : 1
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

/** A smaller spread of cosines counts as this one, because small differences are chance. */
const leastSpread = 0.4
/** The weight of vectors when the embedder cannot read the query: they only order chunks with equal words. */
const unreadWeight = 1e-6

/** What is known about a query, apart from the scores. */
export interface Asked {
  /** Of vectors: `usualWeight`. */
  weight: number
  /** How much it asks for: `WordHits`. */
  rareWords: number
}

/**
 * `weight * cosine + (1 - weight) * words`, words by `rootScores`, both cut to 0..1, so the sum is in 0..1 too. A chunk
 * that only one of the two found has 0 from the other. The weight is the one that orders the chunks as if both had been
 * stretched over the candidates, cosines to 0..1 and words to their best, and cosines counted `vectorWeight` times as
 * much as words.
 */
export function fuseScores(vectors: Scores, words: Scores, asked: Asked): Map<string, number> {
  const bestWords = rangeOf(words).most
  const { least, most } = rangeOf(vectors)
  const cosines = (asked.weight === 0 ? unreadWeight : vectorWeight(words, asked)) * bestWords
  const spread = Math.max(leastSpread, most - least)
  // Words have no weight when they found nothing.
  const weight = bestWords === 0 ? 1 : cosines / (cosines + spread)
  const fused = new Map<string, number>()
  for (const id of new Set([...vectors.keys(), ...words.keys()])) {
    fused.set(id, weight * within(vectors.get(id)) + (1 - weight) * within(words.get(id)))
  }
  return fused
}

/** With this share of the query or more, the words of the best chunk are enough. */
const enoughFound = 0.35

/**
 * How much vectors count where words count 1. They count less when the best chunk is far ahead of the next one, as for an
 * id. They count much more when the best chunk has both a small share of the query and few of its rare words: the text
 * then uses other words. A small share alone is usual for a long query, and one rare word alone for a short one.
 */
function vectorWeight(words: Scores, { weight, rareWords }: Asked): number {
  const { most, second } = rangeOf(words)
  const share = most ** 2
  const found = share * Math.sqrt(rareWords)
  return weight * (second / most) + (enoughFound / Math.max(0.05, found)) ** 6
}

/** The lowest, the highest and the second highest score, each limited to 0..1. */
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

/** With several queries, a chunk gets its best score. */
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

/** Neighbours overlap by about half. Chunks end with a sentence, so some overlap a little less. */
const mostShared = 0.4

function repeats(one: Candidate, other: Candidate): boolean {
  if (one.file_id !== other.file_id) return false
  const shared = Math.min(one.end, other.end) - Math.max(one.start, other.start)
  return shared > mostShared * Math.min(one.end - one.start, other.end - other.start)
}
