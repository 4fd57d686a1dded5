/**
 * Segments: the parts of a store's index that no longer change. They are stored in pages, so that a search reads what its
 * query needs. When most of a segment's chunks are gone, it is removed, and what is left gets into another one.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Database } from '../database/database.ts'
import {
  insertSegment,
  pagesOfSegments,
  removeSegments,
  segmentsOfStore,
  type SegmentKind,
} from '../sql/index-segments.ts'
import type { TableWriter } from './chunk-table.ts'
import type { Segment, SegmentStore, SourcePart, StoreSource } from './port.ts'

/** Chunks of a full segment: a smaller number of chunks is read from its rows when a store is first searched. */
export const segmentChunks = 16_384

/** A store that changes faster than its rows can be read cannot be searched. */
const maxLoads = 20

/** What was loaded does not fit the segments that the store has now. It must be loaded again. */
export class SegmentsChanged extends Error {
  constructor() {
    super('the segments of a vector store changed while they were read')
    this.name = 'SegmentsChanged'
  }
}

/** Another process added a segment first. That happens no more often than the store gets segments. */
class SegmentAdded extends SegmentsChanged {}

/** Runs `search`, and again after `forget` when the segments changed meanwhile. */
export async function withCurrentSegments<Found>(
  search: () => Promise<Found>,
  forget: () => void,
): Promise<Found> {
  for (let loads = 1; ;) {
    try {
      return await search()
    } catch (error) {
      if (!(error instanceof SegmentsChanged) || loads === maxLoads) throw error
      if (!(error instanceof SegmentAdded)) loads += 1
      forget()
    }
  }
}

/** Segments in one statement: some megabytes of pages. */
const segmentsAtOnce = 64

export function storedSegments(db: Database, vector_store_id: string, kind: SegmentKind): SegmentStore {
  return {
    async list() {
      const rows = await segmentsOfStore(db, vector_store_id, kind)
      return rows.map(({ id, files, stamps, chunk_counts, languages }) => ({
        id,
        parts: files.map((file, at) => ({
          part: String(file),
          stamp: stamps[at] ?? 0,
          chunks: chunk_counts[at] ?? 0,
        })),
        languages,
      }))
    },
    async pages(segments, pages) {
      const found = new Map<string, Map<number, Uint8Array>>()
      for (let at = 0; at < segments.length; at += segmentsAtOnce) {
        const some = segments.slice(at, at + segmentsAtOnce)
        for (const row of await pagesOfSegments(db, vector_store_id, { segments: some, pages })) {
          const ofSegment = found.get(row.segment) ?? new Map<number, Uint8Array>()
          if (row.page !== null) ofSegment.set(row.page, row.data)
          found.set(row.segment, ofSegment)
        }
      }
      if (found.size < segments.length) throw new SegmentsChanged()
      return found
    },
    async add({ parts, languages, pages }, known) {
      const id = await insertSegment(db, vector_store_id, {
        ...kind,
        files: parts.map(({ part }) => Number(part)),
        stamps: parts.map(({ stamp }) => stamp),
        chunk_counts: parts.map(({ chunks }) => chunks),
        languages,
        pages,
        known: known.map((segment) => segment.id),
      })
      if (id === undefined) throw new SegmentAdded()
      return { id, parts, languages }
    },
    async remove(segments) {
      await removeSegments(
        db,
        vector_store_id,
        segments.map(({ id }) => id),
      )
    },
  }
}

/**
 * The segments and the parts of a store. Segments with less than half of their chunks left are removed. The segments are
 * read first: a part that is in none of them may be in one a moment later, and is then only read once more.
 */
export async function segmentsAndParts(
  source: StoreSource,
): Promise<{ segments: Segment[]; parts: SourcePart[] }> {
  const all = await source.segments.list()
  const parts = await source.parts()
  const stamps = new Map(parts.map(({ part, stamp }) => [part, stamp]))
  const isSparse = (segment: Segment) => {
    const left = segment.parts.filter(({ part, stamp }) => stamps.get(part) === stamp)
    return chunksOf(left) < chunksOf(segment.parts) / 2
  }
  const sparse = all.filter(isSparse)
  if (sparse.length > 0) await source.segments.remove(sparse)
  return { segments: all.filter((segment) => !sparse.includes(segment)), parts }
}

export function sameSegments(some: readonly Segment[], others: readonly Segment[]): boolean {
  const ids = new Set(some.map(({ id }) => id))
  return others.length === ids.size && others.every(({ id }) => ids.has(id))
}

/**
 * Numbers the chunks of parts and returns the number of the first. Where there are `current` parts, the chunks of others
 * never count.
 */
export async function numberParts(
  writer: TableWriter,
  source: StoreSource,
  parts: readonly SourcePart[],
  current: readonly SourcePart[] = parts,
): Promise<number> {
  const first = writer.length
  const stamps = new Map(current.map(({ part, stamp }) => [part, stamp]))
  for (const { part, stamp, chunks } of parts) {
    const ids = Array.from({ length: chunks }, (_, position) => source.chunkId(part, position))
    writer.addPart(part, stamps.get(part) === stamp ? stamp : undefined, ids)
  }
  // Other work of the process gets its turn.
  await turn()
  return first
}

/** All lots but the last have at least `size` chunks. */
function cutIntoLots(parts: readonly SourcePart[], size: number): SourcePart[][] {
  const lots: SourcePart[][] = []
  let [lot, chunks]: [SourcePart[], number] = [[], 0]
  for (const part of parts) {
    lot.push(part)
    chunks += part.chunks
    if (chunks < size) continue
    lots.push(lot)
    ;[lot, chunks] = [[], 0]
  }
  return lot.length > 0 ? [...lots, lot] : lots
}

export function chunksOf(parts: readonly SourcePart[]): number {
  return parts.reduce((sum, { chunks }) => sum + chunks, 0)
}

/**
 * Stores parts that are in none of the `known` segments as segments of at least `size` chunks; `add` stores one. Returns the
 * new segments, and the parts that are too few for one. Throws `SegmentsChanged`.
 */
export async function addSegments<Source extends StoreSource>(
  source: Source,
  parts: readonly SourcePart[],
  { known, size }: { known: readonly Segment[]; size: number },
  add: (source: Source, lot: readonly SourcePart[], known: readonly Segment[]) => Promise<Segment>,
): Promise<{ added: Segment[]; rest: readonly SourcePart[] }> {
  const added: Segment[] = []
  for (const lot of cutIntoLots(parts, size)) {
    if (chunksOf(lot) < size) return { added, rest: lot }
    added.push(await add(source, lot, [...known, ...added]))
  }
  return { added, rest: [] }
}

/** Makes the segments that a store can have now, before a search needs them. Throws `SegmentsChanged`. */
export async function makeSegments<Source extends StoreSource>(
  source: Source,
  size: number,
  add: (source: Source, lot: readonly SourcePart[], known: readonly Segment[]) => Promise<Segment>,
): Promise<void> {
  const { segments: known, parts } = await segmentsAndParts(source)
  const inSegments = new Set(known.flatMap((one) => one.parts.map(({ part, stamp }) => `${part} ${stamp}`)))
  const fresh = parts.filter(({ part, stamp }) => !inSegments.has(`${part} ${stamp}`))
  await addSegments(source, fresh, { known, size }, add)
}
