/**
 * A vector index that compares the query with every vector of a store, so it misses no neighbour that is nearer by more
 * than the rounding of `VectorBlock`. The vectors are read when a store is first searched and kept in memory within a
 * budget; those beyond it are read from the segments of the store at each search. When the store has changed, only the
 * parts that are new are read.
 */
import { bytesPerChunk, emptyTable, TableWriter, withoutGone, type ChunkTable } from './chunk-table.ts'
import { HeldStores, type Held } from './held-stores.ts'
import type { Segment, SourcePart, VectorHit, VectorIndex, VectorSource } from './port.ts'
import {
  chunksOf,
  numberParts,
  sameSegments,
  segmentChunks,
  segmentsAndParts,
  SegmentsChanged,
  withCurrentSegments,
} from './segments.ts'
import { blockBytes, VectorScan } from './vector-blocks.ts'
import { holdBlocks, readLots, storedBlocks, type VectorLot } from './vector-lots.ts'

interface Loaded extends Held {
  dimensions: number
  table: ChunkTable
  segments: readonly Segment[]
  lots: readonly NumberedLot[]
}

interface NumberedLot extends VectorLot {
  /** The number of its first chunk. */
  first: number
}

interface SearchOptions {
  limit: number
  accept?: (chunk_id: string) => boolean
}

export class ScanIndex implements VectorIndex {
  readonly #held: HeldStores<Loaded>
  readonly #segmentChunks: number

  constructor(options: { budgetBytes: number; segmentChunks?: number }) {
    this.#held = new HeldStores(options.budgetBytes)
    this.#segmentChunks = options.segmentChunks ?? segmentChunks
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#held.bytes
  }

  async search(
    source: VectorSource,
    query: Float32Array,
    options: SearchOptions,
    signal: AbortSignal,
  ): Promise<VectorHit[]> {
    signal.throwIfAborted()
    if (query.length !== source.dimensions) {
      throw new RangeError(`the query has ${query.length} dimensions, the store ${source.dimensions}`)
    }
    return withCurrentSegments(
      () => this.#searchLoaded(source, query, options, signal),
      () => this.forget(source.vector_store_id),
    )
  }

  forget(vector_store_id: string): void {
    this.#held.forget(vector_store_id)
  }

  async #searchLoaded(
    source: VectorSource,
    query: Float32Array,
    options: SearchOptions,
    signal: AbortSignal,
  ): Promise<VectorHit[]> {
    const version = await source.version()
    const { table, lots } = await this.#held.get(source.vector_store_id, version, (known) =>
      this.#load(source, version, known),
    )
    signal.throwIfAborted()
    const scan = new VectorScan(query, table, options.accept)
    for (const lot of lots) {
      for await (const block of lot.blocks ?? storedBlocks(source, lot)) {
        await scan.add(block, lot.first, signal)
      }
    }
    return scan.top(options.limit)
  }

  async #load(source: VectorSource, version: number, known: Loaded | undefined): Promise<Loaded> {
    const { dimensions } = source
    const { segments, parts } = await segmentsAndParts(source)
    const isKept = known?.dimensions === dimensions && sameSegments(known.segments, segments)
    const base = isKept ? known : await openSegments(source, segments, parts)
    const { table, fresh } = withoutGone(base.table, parts)
    // Most chunks are gone.
    if (table === emptyTable && base.table !== emptyTable) throw new SegmentsChanged()
    const size = this.#segmentChunks
    const { added, rest } = await readLots(source, fresh, { known: segments, size })
    const lots = [...base.lots]
    const writer = new TableWriter(table)
    for (const lot of [...added.map(lotOf), ...rest]) {
      lots.push({ ...lot, first: await numberParts(writer, source, lot.parts) })
    }
    const inMemory = lots.flatMap((lot) => (lot.segment === undefined ? lot.parts : []))
    // Read again, they make a segment.
    if (chunksOf(inMemory) >= size) throw new SegmentsChanged()
    const all = [...segments, ...added]
    return this.#hold(source, { dimensions, version, segments: all, lots, table: writer.finish() })
  }

  /** Reads as many blocks into memory as the budget allows. */
  async #hold(source: VectorSource, loaded: Omit<Loaded, 'bytes'>): Promise<Loaded> {
    let bytes = loaded.table.ids.length * bytesPerChunk
    const lots: NumberedLot[] = []
    for (const lot of loaded.lots) {
      const blocks = lot.blocks ?? (await holdBlocks(source, lot, this.#held.budgetBytes - bytes))
      bytes += (blocks ?? []).reduce((sum, block) => sum + blockBytes(block), 0)
      lots.push({ ...lot, blocks })
    }
    return { ...loaded, lots, bytes }
  }
}

async function openSegments(
  source: VectorSource,
  segments: readonly Segment[],
  parts: readonly SourcePart[],
): Promise<Pick<Loaded, 'table' | 'segments' | 'lots'>> {
  const writer = new TableWriter(emptyTable)
  const lots: NumberedLot[] = []
  for (const segment of segments) {
    lots.push({ ...lotOf(segment), first: await numberParts(writer, source, segment.parts, parts) })
  }
  return { table: lots.length > 0 ? writer.finish() : emptyTable, segments, lots }
}

function lotOf({ id, parts }: Segment): VectorLot {
  return { parts, segment: id, blocks: undefined }
}
