/** Makes one ranking of what was found by vectors and what was found by words. */

export type Ranker = 'none' | 'auto'

/** The share of a score that comes from vectors. The rest comes from words. */
const defaultAlpha = 0.5
/** For embedders that read English only and a query in another language: words decide, vectors order the rest. */
const foreignAlpha = 0.1

/** By the id of an embedder. Measured with `npm run bench:retrieval`. */
const embedders: Readonly<Record<string, { alpha: number; englishOnly: boolean }>> = {
  'use-lite/512': { alpha: 0.5, englishOnly: true },
}

export function alphaFor(embedderId: string, query: string): number {
  const embedder = embedders[embedderId]
  if (embedder?.englishOnly && !isEnglish(query)) return foreignAlpha
  return embedder?.alpha ?? defaultAlpha
}

const wordSet = (words: string) => new Set(words.split(' '))
const englishWords = wordSet(
  'a an and are at be by can did do does for from has have how i in is it of on or that the this to was were what ' +
    'when where which who why will with you',
)
/** Frequent German, French, Spanish, Italian, Portuguese and Dutch words that are not English ones. */
const foreignWords = wordSet(
  'aber auf bei das dem den der des ein eine einem einen einer es gibt hat im ist mit nicht sich sind und von wann ' +
    'war warum was welche welcher welches wer werden wie wird wo zu zum zur au aux avec ce cette comment dans du elle ' +
    'est et la le les ne nous ou par pas pour pourquoi quand que quel quelle qui sont sur un une vous como con cual ' +
    'cuando de del donde el ella en esta hay las los para pero por porque se son su y che chi cosa della di dove gli il ' +
    'nel non per quale sono com da dos em foi na no onde os qual uma een het hoe naar niet op van voor waar wanneer zijn',
)

/** Letters of another script, or more frequent words and letters with accents of other languages than English words. */
function isEnglish(query: string): boolean {
  const letters = query.match(/\p{L}/gu) ?? []
  const latin = letters.filter((letter) => /\p{Script=Latin}/u.test(letter))
  if (latin.length < letters.length / 2) return false
  const words = query.toLowerCase().match(/\p{L}+/gu) ?? []
  const foreign = words.filter((word) => foreignWords.has(word) || /[^a-z]/.test(word))
  return foreign.length <= words.filter((word) => englishWords.has(word)).length
}

/** Scores by chunk id. */
export type Scores = ReadonlyMap<string, number>

/**
 * `alpha * cosine + (1 - alpha) * words`. Both are cut to 0..1, so the sum is in 0..1 too. A chunk that only one of the
 * two found has 0 from the other. Sums of scores ranked better than sums of ranks, where a poor list spoils a good one.
 */
export function fuseScores(vectors: Scores, words: Scores, alpha: number): Map<string, number> {
  const fused = new Map<string, number>()
  for (const id of new Set([...vectors.keys(), ...words.keys()])) {
    fused.set(id, alpha * within(vectors.get(id)) + (1 - alpha) * within(words.get(id)))
  }
  return fused
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
