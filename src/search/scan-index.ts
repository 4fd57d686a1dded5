/**
 * A vector index that compares the query with every vector of a store, so it misses no neighbour that is nearer by more
 * than the rounding of `VectorBlock`. The vectors are read when a store is first searched and kept in memory within a
 * budget; those beyond it are read from the segments of the store at each search. When the store has changed, only the
 * parts that are new are read.
 */
import { chunksOf } from './chunk-table.ts'
import { HeldStores } from './held-stores.ts'
import { loadStore, mostRows, type LoadedStore, type LotReader } from './lots.ts'
import type { Found, SearchOptions, Segment, VectorIndex, VectorSource } from './port.ts'
import { withCurrentSegments } from './segments.ts'
import { topHits } from './top-hits.ts'
import { blockBytes, VectorScan, type VectorBlock } from './vector-blocks.ts'
import { readBlocks, storedBlocks } from './vector-segments.ts'

/** Undefined when each search reads the blocks from the segment. */
type Blocks = readonly VectorBlock[] | undefined

interface Loaded extends LoadedStore<Blocks> {
  dimensions: number
}

export class ScanIndex implements VectorIndex {
  readonly #held: HeldStores<Loaded>
  readonly #mostRows: number

  constructor(options: { budgetBytes: number; mostRows?: number }) {
    this.#held = new HeldStores(options.budgetBytes)
    this.#mostRows = options.mostRows ?? mostRows
  }

  get bytes(): number {
    return this.#held.bytes
  }

  async search(
    source: VectorSource,
    query: Float32Array,
    options: SearchOptions,
    signal: AbortSignal,
  ): Promise<Found> {
    if (query.length !== source.dimensions) {
      throw new RangeError(`the query has ${query.length} dimensions, the store ${source.dimensions}`)
    }
    return withCurrentSegments(
      () => this.#search(source, query, options, signal),
      () => this.#held.outdate(source.vector_store_id),
    )
  }

  forget(vector_store_id: string): void {
    this.#held.forget(vector_store_id)
  }

  async #search(
    source: VectorSource,
    query: Float32Array,
    options: SearchOptions,
    signal: AbortSignal,
  ): Promise<Found> {
    signal.throwIfAborted()
    const version = await source.version()
    const { table, lots, missing } = await this.#held.get(source.vector_store_id, version, (known) =>
      this.#load(source, version, known),
    )
    signal.throwIfAborted()
    const scan = new VectorScan(query, table, options.within)
    for (const { segment, data, first, parts } of lots) {
      if (!scan.wants(first, first + chunksOf(parts))) continue
      for await (const block of data ?? storedBlocks(source, segment)) await scan.add(block, first, signal)
    }
    const top = await topHits(table, scan.best, options)
    const hits = top.map(({ part, position, score }) => ({ chunk_id: source.chunkId(part, position), score }))
    return { hits, missing }
  }

  async #load(source: VectorSource, version: number, held: Loaded | undefined): Promise<Loaded> {
    const { dimensions } = source
    const known = held?.dimensions === dimensions ? held : undefined
    const reader: LotReader<Blocks> = {
      open: (segment, room) => holdBlocks(source, segment, room),
      read: (parts) => readBlocks(source, parts),
      bytes: bytesOf,
    }
    const limits = { mostRows: this.#mostRows, budgetBytes: this.#held.budgetBytes }
    const loaded = await loadStore(source, { version, known, ...limits }, reader)
    return { ...loaded, dimensions }
  }
}

function bytesOf(blocks: Blocks): number {
  return (blocks ?? []).reduce((sum, block) => sum + blockBytes(block), 0)
}

/** The blocks of a segment, or undefined when they have more than `most` bytes. */
async function holdBlocks(source: VectorSource, { id, parts }: Segment, most: number): Promise<Blocks> {
  if (chunksOf(parts) * source.dimensions > most) return undefined
  const blocks: VectorBlock[] = []
  let bytes = 0
  for await (const block of storedBlocks(source, id)) {
    bytes += blockBytes(block)
    if (bytes > most) return undefined
    blocks.push(block)
  }
  return blocks
}
