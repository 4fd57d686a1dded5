/**
 * The chunks of a store that an index knows, numbered lot by lot and part by part. A chunk is known by its part and its
 * position there; its id is made when it is shown.
 */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import type { SourcePart, Within } from './port.ts'

export interface ChunkTable {
  /** In the order of their first chunks. A part may come twice; it counts once. */
  readonly parts: readonly SourcePart[]
  /** The number of each part's first chunk. */
  readonly firsts: Int32Array
  /** By part: 1 when its chunks can be found, 0 when it was removed or changed. */
  readonly counts: Uint8Array
  /** By chunk: the same; undefined when all can be found. */
  readonly alive: Uint8Array | undefined
  /** How many chunks have a number. */
  readonly length: number
  /** How many of them can be found. */
  readonly live: number
}

/** After so many parts, which take a few milliseconds, other work of the process gets a turn. */
const turnParts = 10_000

/**
 * The memory that the numbers of these parts take: for each part an object of three numbers and its places in the arrays,
 * for each chunk a byte.
 */
export function bytesOfNumbers(parts: readonly SourcePart[]): number {
  return parts.length * 80 + chunksOf(parts)
}

export function chunksOf(parts: readonly SourcePart[]): number {
  return parts.reduce((sum, { chunks }) => sum + chunks, 0)
}

/** Numbers the chunks of lots. A chunk can be found when its part is in `current` with the same stamp; each part counts once. */
export async function numberLots(
  lots: readonly { parts: readonly SourcePart[] }[],
  current: readonly SourcePart[],
): Promise<ChunkTable> {
  const waiting = new Map<number, number>()
  for (const [at, { part, stamp }] of current.entries()) {
    waiting.set(part, stamp)
    if (at % turnParts === turnParts - 1) await nextTurnOfLoop()
  }
  const parts = lots.flatMap((lot) => lot.parts)
  const firsts = new Int32Array(parts.length)
  const counts = new Uint8Array(parts.length)
  let [length, live] = [0, 0]
  for (const [at, { part, stamp, chunks }] of parts.entries()) {
    firsts[at] = length
    length += chunks
    if (waiting.get(part) === stamp) {
      waiting.delete(part)
      counts[at] = 1
      live += chunks
    }
    if (at % turnParts === turnParts - 1) await nextTurnOfLoop()
  }
  const table = { parts, firsts, counts, alive: undefined, length, live }
  return live === length ? table : { ...table, alive: aliveOf(table) }
}

function aliveOf(table: Omit<ChunkTable, 'alive'>): Uint8Array {
  const alive = new Uint8Array(table.length)
  for (const { from, to } of rangesOf(table, undefined)) alive.fill(1, from, to)
  return alive
}

/** The numbers `from` up to `to`: chunks of one part that can be found. */
interface Range {
  part: SourcePart
  /** The number of the part's first chunk. */
  first: number
  from: number
  to: number
}

export function* rangesOf(
  { parts, firsts, counts }: Omit<ChunkTable, 'alive'>,
  within: Within | undefined,
): Generator<Range> {
  for (const [at, part] of parts.entries()) {
    if (counts[at] === 0 || (within && !within.has(part.part))) continue
    const first = firsts[at] ?? 0
    const positions = within?.get(part.part)
    if (!positions) yield { part, first, from: first, to: first + part.chunks }
    else for (const one of positions) yield { part, first, from: first + one, to: first + one + 1 }
  }
}

/** Returns the number of a chunk when the chunks of these parts are numbered one after the other; undefined for a chunk of another part. */
export function numbering(
  parts: readonly SourcePart[],
): (part: number, position: number) => number | undefined {
  const known = new Map<number, { first: number; chunks: number }>()
  let first = 0
  for (const { part, chunks } of parts) {
    known.set(part, { first, chunks })
    first += chunks
  }
  return (part, position) => {
    const one = known.get(part)
    return one && position < one.chunks ? one.first + position : undefined
  }
}
