/**
 * The chunks of a store that an index knows, in lots. Most chunks of a large store are in segments, and each segment is a
 * lot. The other chunks are read from their rows and held in memory. When the store has changed, known lots are kept, and
 * only new parts are read.
 */
import { bytesOfNumbers, chunksOf, numberLots, type ChunkTable } from './chunk-table.ts'
import { segmentChunks } from '../sql/index-segments.ts'
import type { Held } from './held-stores.ts'
import type { Segment, SourcePart, StoreSource } from './port.ts'
import { currentParts, isSparse, notIn, stampsOf } from './segments.ts'

/** The most chunks of a store that are read from their rows. When more chunks are in no segment, searches leave out the rest. */
export const mostRows = 2 * segmentChunks

interface Lot<Data> {
  parts: readonly SourcePart[]
  /** The segment that has its chunks; undefined when they are in memory only. */
  segment: string | undefined
  data: Data
}

export interface NumberedLot<Data> extends Lot<Data> {
  /** The number of its first chunk. */
  first: number
}

export interface LoadedStore<Data> extends Held {
  table: ChunkTable
  lots: readonly NumberedLot<Data>[]
}

/** How an index makes its data for a lot. */
export interface LotReader<Data> {
  /** Makes the data of a segment, in about `room` bytes if it can choose. Throws `SegmentsChanged` when the segment was removed. */
  open(segment: Segment, room: number): Promise<Data>
  /** Makes the data of parts from their rows. */
  read(parts: readonly SourcePart[]): Promise<Data>
  bytes(data: Data): number
  /** Whether the data may be old, so that it must be read again when the version of the store has changed. */
  isOutdated?(data: Data): boolean
}

interface LoadOptions<Data> {
  version: number
  /** What the index holds of an earlier version. */
  known: LoadedStore<Data> | undefined
  mostRows: number
  budgetBytes: number
}

/** Throws `SegmentsChanged` when a segment is removed meanwhile. */
export async function loadStore<Data>(
  source: StoreSource,
  { version, known, mostRows, budgetBytes }: LoadOptions<Data>,
  reader: LotReader<Data>,
): Promise<LoadedStore<Data>> {
  // Segments are listed first: a part that gets into a segment between the two statements is only read twice, not missed.
  const segments = await source.segments.list()
  const parts = await source.parts()
  const stamps = stampsOf(parts)
  const knownLots = known?.lots ?? []
  const mustBeRead = ({ data }: Lot<Data>) => known?.version !== version && reader.isOutdated?.(data)
  const rows = chooseRows(
    knownLots.filter((lot) => lot.segment === undefined && !mustBeRead(lot)),
    notIn(segments, parts, stamps),
    mostRows,
  )
  const inMemory: Lot<Data>[] = rows.kept
  if (rows.fresh.length > 0) {
    inMemory.push({ parts: rows.fresh, segment: undefined, data: await reader.read(rows.fresh) })
  }
  const opened = new Map(knownLots.map((lot) => [lot.segment, lot]))
  const dataOf = (lots: readonly Lot<Data>[]) => lots.reduce((sum, { data }) => sum + reader.bytes(data), 0)
  let bytes = dataOf([...inMemory, ...segments.flatMap(({ id }) => opened.get(id) ?? [])])
  for (const one of [...inMemory, ...segments]) bytes += bytesOfNumbers(one.parts)
  const stored: Lot<Data>[] = []
  for (const segment of segments) {
    let lot: Lot<Data> | undefined = opened.get(segment.id)
    if (!lot) {
      const data = await reader.open(segment, budgetBytes - bytes)
      bytes += reader.bytes(data)
      lot = { parts: segment.parts, segment: segment.id, data }
    }
    stored.push(lot)
  }
  const lots = [...stored, ...inMemory]
  if (rows.missing > 0 || segments.some((segment) => isSparse(segment, stamps)))
    await source.segments.request()
  const table = await numberLots(lots, parts)
  return { version, missing: rows.missing, bytes, table, lots: withFirsts(lots) }
}

/**
 * Decides which lots in memory are kept for the chunks that are in no segment, and which parts are read. A lot is dropped when
 * most of its chunks were removed or are in a segment. A lot that is not larger than the new parts is read again with them,
 * so that there are few lots.
 */
function chooseRows<Data>(
  lots: readonly Lot<Data>[],
  parts: readonly SourcePart[],
  most: number,
): { kept: Lot<Data>[]; fresh: SourcePart[]; missing: number } {
  const stamps = stampsOf(parts)
  const kept = lots.filter((lot) => !isSparse(lot, stamps))
  const fresh = notIn(kept, parts, stamps)
  let room = most - chunksOf(kept.flatMap((lot) => lot.parts))
  const fitting = fresh.filter(({ chunks }) => {
    if (chunks > room) return false
    room -= chunks
    return true
  })
  const missing = chunksOf(fresh) - chunksOf(fitting)
  for (let last = kept.at(-1); last && fitting.length > 0; last = kept.at(-1)) {
    if (chunksOf(last.parts) > chunksOf(fitting)) break
    fitting.push(...currentParts(last, stamps))
    kept.pop()
  }
  return { kept, fresh: fitting, missing }
}

function withFirsts<Data>(lots: readonly Lot<Data>[]): NumberedLot<Data>[] {
  let next = 0
  return lots.map((lot) => {
    const first = next
    next += chunksOf(lot.parts)
    return { ...lot, first }
  })
}
