/**
 * Segments: the parts of a store's index that no longer change. They are stored in pages, so that a search reads what its
 * query needs. Workers make them, searches only read them. When a segment has lost most of its chunks, the others
 * are put into another segment.
 */
import type { Database } from '../database/database.ts'
import {
  insertSegment,
  pagesOfSegments,
  removeSegments,
  requestSegments,
  segmentsOfStore,
  type SegmentKind,
} from '../sql/index-segments.ts'
import { chunksOf } from './chunk-table.ts'
import type { Segment, SegmentStore, SourcePart, StoreSource } from './port.ts'

/** How often a search may start, when segments are removed meanwhile. */
const maxLoads = 20

/** The segments of the store have changed since they were loaded. They must be loaded again. */
export class SegmentsChanged extends Error {
  constructor() {
    super('the segments of a vector store changed while they were read')
    this.name = 'SegmentsChanged'
  }
}

/** Runs `search`. When segments were removed meanwhile, calls `outdate` and runs it again. */
export async function withCurrentSegments<Result>(
  search: () => Promise<Result>,
  outdate: () => void,
): Promise<Result> {
  for (let loads = 1; ; loads += 1) {
    try {
      return await search()
    } catch (error) {
      if (!(error instanceof SegmentsChanged) || loads === maxLoads) throw error
      outdate()
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
        parts: files.map((part, at) => ({ part, stamp: stamps[at] ?? 0, chunks: chunk_counts[at] ?? 0 })),
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
    request: () => requestSegments(db, vector_store_id),
  }
}

export type NewSegment = Omit<Segment, 'id'> & { pages: readonly Uint8Array[] }

/** Writes segments of one kind of a store. Both throw `SegmentsChanged` when the claim on the store is lost. */
export interface SegmentWriter {
  /** Also throws when there are other segments now than `known`. Returns the id of the new one. */
  add(segment: NewSegment, known: readonly string[]): Promise<string>
  remove(segments: readonly string[]): Promise<void>
}

export function segmentWriter(
  db: Database,
  claim: { vector_store_id: string; owner: string },
  kind: SegmentKind,
): SegmentWriter {
  return {
    async add({ parts, languages, pages }, known) {
      const id = await insertSegment(db, claim, {
        ...kind,
        files: parts.map(({ part }) => part),
        stamps: parts.map(({ stamp }) => stamp),
        chunk_counts: parts.map(({ chunks }) => chunks),
        languages,
        pages,
        known,
      })
      if (id === undefined) throw new SegmentsChanged()
      return id
    },
    async remove(segments) {
      if (!(await removeSegments(db, claim, segments))) throw new SegmentsChanged()
    },
  }
}

interface HasParts {
  parts: readonly SourcePart[]
}

type Stamps = ReadonlyMap<number, number>

export function stampsOf(parts: readonly SourcePart[]): Stamps {
  return new Map(parts.map(({ part, stamp }) => [part, stamp]))
}

export function currentParts({ parts }: HasParts, stamps: Stamps): SourcePart[] {
  return parts.filter(({ part, stamp }) => stamps.get(part) === stamp)
}

/** Whether most of its chunks were removed. */
export function isSparse(one: HasParts, stamps: Stamps): boolean {
  return chunksOf(currentParts(one, stamps)) < chunksOf(one.parts) / 2
}

/** The `parts` that none of the others has with the same stamp; `stamps` are those of `parts`. */
export function notIn(
  others: readonly HasParts[],
  parts: readonly SourcePart[],
  stamps: Stamps,
): SourcePart[] {
  const found = new Set(others.flatMap((one) => currentParts(one, stamps).map(({ part }) => part)))
  return parts.filter(({ part }) => !found.has(part))
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

/**
 * Makes the segments of one kind that a store can have now, of at least `size` chunks each, and then removes those with less
 * than half of their chunks left. It may end after any segment and goes on where it ended. Returns how many
 * it made. Throws `SegmentsChanged`.
 */
export async function makeSegments<Source extends StoreSource>(
  source: Source,
  writer: SegmentWriter,
  {
    size,
    make,
    confirm,
  }: {
    size: number
    make: (source: Source, parts: readonly SourcePart[]) => Promise<NewSegment>
    /** Called before each segment; it throws when the work must end. */
    confirm: () => Promise<void>
  },
): Promise<number> {
  const segments = await source.segments.list()
  const parts = await source.parts()
  const stamps = stampsOf(parts)
  const sparse = segments.filter((segment) => isSparse(segment, stamps))
  const full = segments.filter((segment) => !sparse.includes(segment))
  const known = segments.map(({ id }) => id)
  for (const lot of cutIntoLots(notIn(full, parts, stamps), size)) {
    await confirm()
    if (chunksOf(lot) >= size) known.push(await writer.add(await make(source, lot), known))
  }
  if (sparse.length > 0) await writer.remove(sparse.map(({ id }) => id))
  return known.length - segments.length
}
