/** Numbers that depend on a seed only. */
export interface Random {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number
  shuffled<Item>(items: readonly Item[]): Item[]
}

/** The generator mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  const below = (limit: number) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
  return {
    below,
    shuffled: (items) =>
      items
        .map((item) => ({ item, place: below(1_000_000) }))
        .toSorted((one, other) => one.place - other.place)
        .map(({ item }) => item),
  }
}
