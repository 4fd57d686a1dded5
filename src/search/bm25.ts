/** How well a chunk fits the words of a query. */

/** k1 and b: how much a repeated word counts, and how much a long chunk loses. These are the usual values. */
const repetition = 1.2
const lengthWeight = 0.75

/** A word of the query: the hashes of its terms, and how often the query has it. */
export interface AskedWord {
  hashes: number[]
  times: number
}

/** The weight of a word of the query. It is larger when fewer of the `chunks` have the word. */
export function wordWeight({ times }: AskedWord, holders: number, chunks: number): number {
  const some = Math.min(holders, chunks)
  return times * Math.log(1 + (chunks - some + 0.5) / (some + 0.5))
}

/** What a word adds to the score of a chunk that has it `count` times. `length` is the chunk's length divided by the mean length. */
export function wordScore(weight: number, count: number, length: number): number {
  const held = 1 - lengthWeight + lengthWeight * length
  return (weight * count * (repetition + 1)) / (count + repetition * held)
}

/** No chunk scores more for words of these weights. */
export function mostScore(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight * (repetition + 1), 0)
}

/** The sum of the weights of a query's words, where a word that only one chunk has counts 1. */
export function rareWords(weights: readonly number[], chunks: number): number {
  const rarest = wordWeight({ hashes: [], times: 1 }, 1, chunks)
  return weights.reduce((sum, weight) => sum + weight, 0) / rarest
}
