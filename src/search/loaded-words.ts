/** What the index of words holds of a store in memory: the numbers of its chunks, and the postings of those in no segment. */
import { packedLanguage } from '../documents/index.ts'
import {
  bytesPerChunk,
  emptyTable,
  isLive,
  TableWriter,
  withoutGone,
  type ChunkTable,
} from './chunk-table.ts'
import type { Held } from './held-stores.ts'
import type { Segment, SourcePart } from './port.ts'
import type { WordSource } from './word-source.ts'
import { buildPostings, type Postings, type TermRow } from './postings.ts'
import { numberParts, sameSegments, segmentsAndParts, SegmentsChanged } from './segments.ts'
import { readIntoSegments, readLengths, type ReadRows } from './word-segments.ts'

/** A block with fewer chunks is built again together with new chunks. A larger one stays as it is. */
const fullBlock = 4096
/** Postings in memory of consecutive chunks, from number `first` on. */
interface Block {
  first: number
  postings: Postings
  /** Kept while the block may still grow. */
  rows: TermRow[] | undefined
}

/** Consecutive chunks whose postings are in a segment. */
interface Stored {
  first: number
  id: string
  lengths: Float32Array
}

interface Numbered {
  table: ChunkTable
  segments: readonly Segment[]
  stored: readonly Stored[]
  /** Of the chunks that are in no segment. */
  blocks: readonly Block[]
  /** Of its chunks, those of removed parts included. */
  languages: ReadonlySet<string>
}

export interface LoadedWords extends Held, Numbered {
  /** Of the chunks that count. */
  meanLength: number
}

/**
 * `size` is the number of chunks of a segment, and fewer are held in memory. `known` is what is held of an earlier version.
 * Throws `SegmentsChanged`.
 */
export async function loadWords(
  source: WordSource,
  { version, known, size }: { version: number; known: LoadedWords | undefined; size: number },
): Promise<LoadedWords> {
  const { segments, parts } = await segmentsAndParts(source)
  const isKept = known !== undefined && sameSegments(known.segments, segments)
  const base = isKept ? known : await openSegments(source, segments, parts)
  const { table, fresh } = withoutGone(base.table, parts)
  // Most chunks are gone.
  if (table === emptyTable && base.table !== emptyTable) throw new SegmentsChanged()
  const rows = await readIntoSegments(source, fresh, { known: segments, size })
  const loaded = await addRows(source, { ...base, table }, { fresh, rows })
  // The chunks of the blocks make a segment when they are read again.
  if (chunksIn(loaded.blocks) >= size) throw new SegmentsChanged()
  return { ...loaded, version, meanLength: meanOf(loaded), bytes: bytesOf(loaded) }
}

async function openSegments(
  source: WordSource,
  segments: readonly Segment[],
  parts: readonly SourcePart[],
): Promise<Numbered> {
  const writer = new TableWriter(emptyTable)
  const stored = await numberSegments(source, writer, { segments, parts })
  const languages = new Set(segments.flatMap((segment) => segment.languages))
  const table = segments.length > 0 ? writer.finish() : emptyTable
  return { table, segments, stored, blocks: [], languages }
}

async function numberSegments(
  source: WordSource,
  writer: TableWriter,
  { segments, parts }: { segments: readonly Segment[]; parts: readonly SourcePart[] },
): Promise<Stored[]> {
  const lengths = await readLengths(source, segments)
  const stored: Stored[] = []
  for (const segment of segments) {
    const first = await numberParts(writer, source, segment.parts, parts)
    stored.push({ first, id: segment.id, lengths: lengths.get(segment.id) ?? new Float32Array() })
  }
  return stored
}

async function addRows(
  source: WordSource,
  base: Numbered,
  { fresh, rows: { added, rest } }: { fresh: readonly SourcePart[]; rows: ReadRows },
): Promise<Numbered> {
  const writer = new TableWriter(base.table, fresh)
  const blocks = [...base.blocks]
  let [first, rows]: [number, TermRow[]] = [writer.length, []]
  const last = blocks.at(-1)
  if (rest.length > 0 && last?.rows && last.first + last.rows.length === writer.length) {
    ;[first, rows] = [last.first, [...last.rows]]
    blocks.pop()
  }
  const languages = new Set([...base.languages, ...added.flatMap((segment) => segment.languages)])
  for (const { part, chunk_id, terms } of rest) {
    languages.add(packedLanguage(terms))
    writer.numberOf(part, chunk_id)
    rows.push({ terms })
    if (rows.length < fullBlock) continue
    blocks.push({ first, postings: await buildPostings(rows), rows: undefined })
    ;[first, rows] = [writer.length, []]
  }
  if (rows.length > 0) blocks.push({ first, postings: await buildPostings(rows), rows })
  const stored = await numberSegments(source, writer, { segments: added, parts: fresh })
  return {
    table: writer.finish(),
    segments: [...base.segments, ...added],
    stored: [...base.stored, ...stored],
    blocks,
    languages,
  }
}

function chunksIn(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { postings }) => sum + postings.lengths.length, 0)
}

function bytesOf({ table, stored, blocks }: Numbered): number {
  const inBlocks = blocks.reduce((sum, { postings, rows = [] }) => {
    return rows.reduce((bytes, { terms }) => bytes + terms.byteLength, sum + postings.bytes)
  }, 0)
  return stored.reduce(
    (sum, { lengths }) => sum + lengths.byteLength,
    inBlocks + table.ids.length * bytesPerChunk,
  )
}

function meanOf({ table, stored, blocks }: Numbered): number {
  const isWhole = table.live === table.ids.length
  let sum = 0
  for (const { first, lengths } of [
    ...stored,
    ...blocks.map((block) => ({ first: block.first, lengths: block.postings.lengths })),
  ]) {
    for (let at = 0; at < lengths.length; at += 1) {
      if (isWhole || isLive(table, first + at)) sum += lengths[at] ?? 0
    }
  }
  return sum / Math.max(1, table.live)
}
