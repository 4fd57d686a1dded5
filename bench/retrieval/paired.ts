/** Tests whether the difference between two ways of searching, over the same queries, is more than chance. */
import { seededRandom } from './distractors.ts'

const resamples = 2000

/** The mean of one value minus the other, and its interval of 95 % by bootstrap over the queries. */
export interface Difference {
  mean: number
  low: number
  high: number
}

/** Compares `values` with the one of `legs` that has the better mean. All have one value for each query, in the same order. */
export function minusBest(values: readonly number[], legs: readonly (readonly number[])[]): Difference {
  const best = legs.toSorted((one, other) => meanOf(other) - meanOf(one))[0] ?? []
  const differences = values.map((value, at) => value - (best[at] ?? 0))
  const random = seededRandom(7)
  const pick = () => differences[Math.floor(random() * differences.length)] ?? 0
  const means = Array.from({ length: resamples }, () => meanOf(differences.map(pick))).toSorted(
    (one, other) => one - other,
  )
  return {
    mean: meanOf(differences),
    low: means[Math.floor(resamples * 0.025)] ?? 0,
    high: means[Math.floor(resamples * 0.975)] ?? 0,
  }
}

/** For example `-0.047 (-0.101 to -0.002), below`; without a word when it can be chance. */
export function showDifference({ mean, low, high }: Difference): string {
  const signed = (value: number) => `${value < 0 ? '' : '+'}${value.toFixed(3)}`
  const verdict = high < 0 ? ', below' : low > 0 ? ', above' : ''
  return `${signed(mean)} (${signed(low)} to ${signed(high)})${verdict}`
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
