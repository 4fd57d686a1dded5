/** Makes one ranking of what was found by vectors and what was found by words. */
import { termsOf } from '../documents/index.ts'

export type Ranker = 'none' | 'auto'

/**
 * How far the vectors of an embedder count, 0..1, words having the rest: a cosine counts as its place between the worst
 * and the best cosine of the candidates, whose spread differs much between embedders and queries.
 */
interface Shares {
  short: number
  /** What the share falls to as the query gets longer. */
  long: number
  /** For a query in a language that the embedder does not read. */
  foreign: number
}

/** By the id of an embedder; those that are not listed have not been measured. docs/retrieval.md has the numbers. */
const measured: Readonly<Record<string, Shares>> = {
  // It reads English only, and its vector blurs a query of many words. In other languages words decide, and vectors
  // order what words leave equal.
  'minilm-words/128': { short: 0.25, long: 0.1, foreign: 1e-6 },
  'all-minilm-l6-v2/384': { short: 0.3, long: 0.3, foreign: 0.05 },
}
const unmeasured: Shares = { short: 0.3, long: 0.3, foreign: 0.3 }

/** Queries with more different terms are long. */
const shortTerms = 8

/** How far vectors count for a query, 0..1; see `fuseScores`. */
export function vectorShare(embedderId: string, query: string): number {
  const { short, long, foreign } = measured[embedderId] ?? unmeasured
  if (!isEnglish(query)) return foreign
  const terms = new Set(termsOf(query)).size
  return long + (short - long) * Math.min(1, shortTerms / Math.max(1, terms))
}

const wordSet = (words: string) => new Set(words.split(' '))
/** Frequent words; few of the languages below have them too. */
const englishWords = wordSet(
  'and are at be by can did does for from has have how is it of on or that the this to were what when where which who ' +
    'why with you',
)
/** Frequent German, French, Spanish, Italian, Portuguese and Dutch words that are not English ones. */
const foreignWords = wordSet(
  'aber auf bei das dem den der des ein eine einem einen einer es gibt hat im ist mit nicht sich sind und von wann ' +
    'war warum was welche welchem welchen welcher welches wem wen wer werden weshalb wessen wie wird wo wofür wogegen womit woran worauf ' +
    'wovon wozu wurde wurden viele zu zum zur au aux avec ce cette comment dans du elle ' +
    'est et la le les ne nous ou par pas pour pourquoi quand que quel quelle qui sont sur un une vous como con cual ' +
    'cuando de del donde el ella en esta hay las los para pero por porque se son su y che chi cosa della di dove gli il ' +
    'nel non per quale sono com da dos em foi na no onde os qual uma een het hoe naar niet op van voor waar wanneer zijn',
)

/**
 * Letters of another script, or more frequent words and letters with accents of other languages than English words. Of
 * equally many the first decides: a question begins with its own language, and names come later.
 */
function isEnglish(query: string): boolean {
  const letters = query.match(/\p{L}/gu) ?? []
  const latin = letters.filter((letter) => /\p{Script=Latin}/u.test(letter))
  if (latin.length < letters.length / 2) return false
  const words = [...new Set(query.toLowerCase().match(/\p{L}+/gu))]
  const isForeign = (word: string) => foreignWords.has(word) || /[^a-z]/.test(word)
  const signs = words.filter((word) => englishWords.has(word) || isForeign(word))
  const foreign = signs.filter(isForeign).length
  if (foreign * 2 !== signs.length) return foreign * 2 < signs.length
  return signs[0] === undefined || !isForeign(signs[0])
}

/** Scores by chunk id. */
export type Scores = ReadonlyMap<string, number>

/** A smaller spread of cosines counts as this: little differences are chance when there are few candidates. */
const leastSpread = 0.1

/**
 * `weight * cosine + (1 - weight) * words`, both cut to 0..1, so the sum is in 0..1 too. A chunk that only one of the
 * two found has 0 from the other. The weight is the one that orders the chunks as if the cosines had been stretched to
 * 0..1 over the candidates and counted with `share`; the scores of words are not stretched, because a low one means that
 * no chunk has the words that matter. Sums of scores ranked better than sums of ranks.
 */
export function fuseScores(vectors: Scores, words: Scores, share: number): Map<string, number> {
  const stretched = share / spreadOf(vectors)
  const weight = stretched / (stretched + 1 - share)
  const fused = new Map<string, number>()
  for (const id of new Set([...vectors.keys(), ...words.keys()])) {
    fused.set(id, weight * within(vectors.get(id)) + (1 - weight) * within(words.get(id)))
  }
  return fused
}

function spreadOf(scores: Scores): number {
  let [least, most] = [1, 0]
  for (const score of scores.values()) {
    least = Math.min(least, within(score))
    most = Math.max(most, within(score))
  }
  return Math.max(leastSpread, most - least)
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
