/** Shortens a conversation until it fits, from the middle, and returns what was left out. */
import type { Exchange } from './conversation.ts'

export interface Shortened {
  kept: Exchange[]
  dropped: Exchange[]
}

/** The newest `count` messages, with the tool turns among them and all of the current run. */
export function lastMessages(exchanges: readonly Exchange[], count: number): Shortened {
  const places = exchanges.flatMap((one, index) => (one.isMessage && !one.isCurrent ? [index] : []))
  const first = places.at(-count) ?? 0
  return {
    kept: exchanges.filter((one, index) => index >= first || one.isCurrent),
    dropped: exchanges.filter((one, index) => index < first && !one.isCurrent),
  }
}

/**
 * Keeps what weighs at most `limit`: the current run and the newest message always, then the first message of the
 * thread, then from the newest backwards. Returns undefined when the part that is always kept is too heavy.
 */
export function dropFromMiddle(
  exchanges: readonly Exchange[],
  limit: number,
  weightOf: (exchange: Exchange) => number,
): Shortened | undefined {
  const newest = exchanges.findLast((one) => one.isMessage && !one.isCurrent)
  const kept = new Set(exchanges.filter((one) => one.isCurrent || one === newest))
  let weight = [...kept].reduce((sum, one) => sum + weightOf(one), 0)
  if (weight > limit) return undefined
  const first = exchanges.find((one) => one.isMessage)
  const others = exchanges.filter((one) => !kept.has(one) && one !== first).toReversed()
  for (const one of first && !kept.has(first) ? [first, ...others] : others) {
    weight += weightOf(one)
    if (weight > limit) {
      // The first message may be too long by itself; anything else that does not fit ends the search.
      if (one !== first) break
      weight -= weightOf(one)
      continue
    }
    kept.add(one)
  }
  return {
    kept: exchanges.filter((one) => kept.has(one)),
    dropped: exchanges.filter((one) => !kept.has(one)),
  }
}
