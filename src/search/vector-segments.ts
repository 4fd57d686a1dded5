/** Makes segments of vectors from rows, and reads them. */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { numbering } from './chunk-table.ts'
import type { SourcePart, VectorSource } from './port.ts'
import type { NewSegment } from './segments.ts'
import { joinBlocks, packBlock, toBlock, unpackBlock, type VectorBlock } from './vector-blocks.ts'

/** The approximate size of a page of a segment. */
const pageBytes = 1 << 20

export async function makeVectorSegment(
  source: VectorSource,
  parts: readonly SourcePart[],
): Promise<NewSegment> {
  const pages: Uint8Array[] = []
  for (const block of joinBlocks(await readBlocks(source, parts), pageBytes)) {
    pages.push(packBlock(block))
    // Other work of the process gets its turn.
    await nextTurnOfLoop()
  }
  return { parts, languages: [], pages }
}

/** Reads the vectors of parts from their rows. Windows of parts that were removed meanwhile are missing. */
export async function readBlocks(source: VectorSource, parts: readonly SourcePart[]): Promise<VectorBlock[]> {
  const numberOf = numbering(parts)
  const blocks: VectorBlock[] = []
  for await (const page of source.windows(parts.map(({ part }) => part))) {
    blocks.push(toBlock(source.dimensions, page, numberOf))
  }
  return blocks
}

/** Reads the blocks of a segment, one after the other. Throws `SegmentsChanged`. */
export async function* storedBlocks(
  source: VectorSource,
  segment: string | undefined,
): AsyncGenerator<VectorBlock> {
  if (segment === undefined) return
  for (let page = 0; ; page += 1) {
    const data = (await source.segments.pages([segment], [page])).get(segment)?.get(page)
    if (!data) return
    yield unpackBlock(data)
  }
}
