/** Keeps the best few of many scores. */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { rangesOf, type ChunkTable } from './chunk-table.ts'
import type { Within } from './port.ts'

export interface Hit {
  chunk_id: string
  score: number
}

/** After so many chunks, which take a few milliseconds, other work of the process gets a turn. */
const turnChunks = 200_000

interface Place {
  part: number
  position: number
  score: number
}

/**
 * The `limit` best chunks by the score at their number; scores that are -Infinity or NaN do not count. Best first; of equal
 * scores the smaller part and position first, so that every search gives the same order.
 */
export async function topHits(
  table: ChunkTable,
  scores: Float32Array,
  { limit, within }: { limit: number; within?: Within | undefined },
): Promise<Place[]> {
  const top: Place[] = []
  if (limit < 1) return top
  let least = -Infinity
  let seen = 0
  for (const { part, first, from, to } of rangesOf(table, within)) {
    for (let chunk = from; chunk < to; chunk += 1) {
      const score = scores[chunk] ?? 0
      if (!(score > -Infinity) || score < least) continue
      const place = { part: part.part, position: chunk - first, score }
      top.splice(rankOf(top, place), 0, place)
      if (top.length > limit) top.pop()
      if (top.length === limit) least = top.at(-1)?.score ?? least
    }
    seen += to - from
    if (seen < turnChunks) continue
    seen = 0
    await nextTurnOfLoop()
  }
  return top
}

function isBefore(one: Place, other: Place): boolean {
  if (one.score !== other.score) return one.score > other.score
  return one.part === other.part ? one.position < other.position : one.part < other.part
}

function rankOf(sorted: Place[], place: Place): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    const other = sorted[middle]
    if (other && isBefore(other, place)) from = middle + 1
    else to = middle
  }
  return from
}
