/** Lots of chunks with their vectors: full ones are stored as segments, the others stay in memory. */
import { emptyTable, TableWriter } from './chunk-table.ts'
import type { Segment, SourcePart, VectorSource } from './port.ts'
import { addSegments } from './segments.ts'
import { blockBytes, joinBlocks, packBlock, toBlock, unpackBlock, type VectorBlock } from './vector-blocks.ts'

/** The chunks of some parts, numbered part by part, and their vectors. */
export interface VectorLot {
  parts: readonly SourcePart[]
  /** Undefined while it is in memory only. */
  segment: string | undefined
  /** Undefined when they are read from the segment at each search. */
  blocks: readonly VectorBlock[] | undefined
}

/** Of a page of a segment, about. */
const pageBytes = 1 << 20

/**
 * Reads parts that are in none of the `known` segments. Lots of `size` chunks are stored as segments; `rest` has at most one
 * lot. Throws `SegmentsChanged`.
 */
export async function readLots(
  source: VectorSource,
  parts: readonly SourcePart[],
  options: { known: readonly Segment[]; size: number },
): Promise<{ added: Segment[]; rest: VectorLot[] }> {
  const { added, rest } = await addSegments(source, parts, options, addVectorSegment)
  if (rest.length === 0) return { added, rest: [] }
  return { added, rest: [{ parts: rest, segment: undefined, blocks: await readBlocks(source, rest) }] }
}

/** Throws `SegmentsChanged`. */
export async function addVectorSegment(
  source: VectorSource,
  parts: readonly SourcePart[],
  known: readonly Segment[],
): Promise<Segment> {
  const pages = joinBlocks(await readBlocks(source, parts), pageBytes).map(packBlock)
  return source.segments.add({ parts, languages: [], pages }, known)
}

/** Windows of parts that were removed meanwhile are missing. */
async function readBlocks(source: VectorSource, parts: readonly SourcePart[]): Promise<VectorBlock[]> {
  const writer = new TableWriter(emptyTable, parts)
  for (const { part, chunks } of parts) {
    for (let at = 0; at < chunks; at += 1) writer.numberOf(part, source.chunkId(part, at))
  }
  const blocks: VectorBlock[] = []
  for await (const page of source.windows(parts.map(({ part }) => part))) {
    blocks.push(toBlock(source.dimensions, page, writer))
  }
  return blocks
}

/** The blocks of a lot, read from its segment one after the other. Throws `SegmentsChanged`. */
export async function* storedBlocks(
  source: VectorSource,
  { segment }: VectorLot,
): AsyncGenerator<VectorBlock> {
  if (segment === undefined) return
  for (let page = 0; ; page += 1) {
    const data = (await source.segments.pages([segment], [page])).get(segment)?.get(page)
    if (!data) return
    yield unpackBlock(data)
  }
}

/** The same as a list, or undefined when they have more than `most` bytes. */
export async function holdBlocks(
  source: VectorSource,
  lot: VectorLot,
  most: number,
): Promise<VectorBlock[] | undefined> {
  const blocks: VectorBlock[] = []
  let bytes = 0
  for await (const block of storedBlocks(source, lot)) {
    bytes += blockBytes(block)
    if (bytes > most) return undefined
    blocks.push(block)
  }
  return blocks
}
