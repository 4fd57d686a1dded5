/** Makes one ranking of what was found by meaning and what was found by words. */

export type Ranker = 'none' | 'auto'

/** Part of the score that meaning has; the rest is that of words. */
export const defaultAlpha = 0.5

/** By the id of an embedder: a better one may have a larger part. Measured with `npm run bench:retrieval`. */
const alphas: Readonly<Record<string, number>> = { 'use-lite/512': 0.5 }

export function alphaFor(embedderId: string): number {
  return alphas[embedderId] ?? defaultAlpha
}

/** Scores by chunk id. */
export type Scores = ReadonlyMap<string, number>

/**
 * `alpha * cosine + (1 - alpha) * words`, both within 0..1, so the sum is too. A chunk that only one of the two knows
 * has 0 from the other. Sums of scores were found better than sums of ranks, which let a poor list spoil a good one.
 */
export function fuseScores(vectors: Scores, words: Scores, alpha: number): Map<string, number> {
  const fused = new Map<string, number>()
  for (const id of new Set([...vectors.keys(), ...words.keys()])) {
    fused.set(id, alpha * within(vectors.get(id)) + (1 - alpha) * within(words.get(id)))
  }
  return fused
}

/** Several queries at once: a chunk is as good as it is for the one that it fits best. */
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
  /** Where the chunk lies in its file, in UTF-16 units. */
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
 * Best first, none below the threshold. Chunks overlap, so the best passage is often found two or three times; of
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

/** Half of the shorter one lies in the other, give or take what falls to sentence ends. */
const mostShared = 0.4

function repeats(one: Candidate, other: Candidate): boolean {
  if (one.file_id !== other.file_id) return false
  const shared = Math.min(one.end, other.end) - Math.max(one.start, other.start)
  return shared > mostShared * Math.min(one.end - one.start, other.end - other.start)
}
