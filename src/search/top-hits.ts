/** Keeps the best few of many scores. */

export interface Hit {
  chunk_id: string
  score: number
}

/** Best first; of equal scores the smaller id first, so that every search gives the same order. */
export function byRank(one: Hit, other: Hit): number {
  if (one.score !== other.score) return other.score - one.score
  return one.chunk_id < other.chunk_id ? -1 : 1
}

/** The `limit` best of the ids by the score at the same place; scores that are -Infinity or NaN do not count. */
export function topHits(chunkIds: string[], scores: Float32Array, limit: number): Hit[] {
  const top: Hit[] = []
  if (limit < 1) return top
  let least = -Infinity
  for (let chunk = 0; chunk < chunkIds.length; chunk += 1) {
    const score = scores[chunk] ?? 0
    if (!(score > -Infinity) || score < least) continue
    const hit = { chunk_id: chunkIds[chunk] ?? '', score }
    top.splice(placeOf(top, hit), 0, hit)
    if (top.length > limit) top.pop()
    if (top.length === limit) least = top.at(-1)?.score ?? least
  }
  return top
}

function placeOf(sorted: Hit[], hit: Hit): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    const other = sorted[middle]
    if (other && byRank(other, hit) < 0) from = middle + 1
    else to = middle
  }
  return from
}
