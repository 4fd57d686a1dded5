/**
 * A vector index that compares the query with every vector of a store, so it misses no neighbour that is nearer by more
 * than the rounding of `VectorBlock`. The vectors are read from the rows when a store is first searched and kept in memory
 * within a budget. When the rows have changed, only the parts that are new are read.
 */
import { bytesPerChunk, emptyTable, TableWriter, withoutGone, type ChunkTable } from './chunk-table.ts'
import { HeldStores, type Held } from './held-stores.ts'
import type { VectorHit, VectorIndex, VectorSource } from './port.ts'
import { topHits } from './top-hits.ts'
import { blockBytes, toBlock, VectorScan, type VectorBlock } from './vector-blocks.ts'

interface Loaded extends Held {
  dimensions: number
  table: ChunkTable
  /** Undefined for a store that does not fit into the budget. */
  blocks: VectorBlock[] | undefined
}

interface SearchOptions {
  limit: number
  accept?: (chunk_id: string) => boolean
}

export class ScanIndex implements VectorIndex {
  readonly #held: HeldStores<Loaded>

  /** A store larger than the budget is searched straight from its rows, which is slow. */
  constructor(options: { budgetBytes: number }) {
    this.#held = new HeldStores(options.budgetBytes)
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
    const version = await source.version()
    const loaded = await this.#held.get(source.vector_store_id, version, (known) =>
      this.#load(source, version, known),
    )
    signal.throwIfAborted()
    if (!loaded.blocks) return searchRows(source, query, options, signal)
    const scan = new VectorScan(query, loaded.table, options.accept)
    for (const block of loaded.blocks) await scan.add(block, signal)
    return scan.top(options.limit)
  }

  forget(vector_store_id: string): void {
    this.#held.forget(vector_store_id)
  }

  async #load(source: VectorSource, version: number, known: Loaded | undefined): Promise<Loaded> {
    const { dimensions } = source
    const before = known?.dimensions === dimensions ? known : undefined
    const { table, fresh } = withoutGone(before?.table ?? emptyTable, await source.parts())
    const blocks = table === emptyTable ? [] : [...(before?.blocks ?? [])]
    const writer = new TableWriter(table, fresh)
    let vectorBytes = blocks.reduce((sum, block) => sum + blockBytes(block), 0)
    const names = fresh.map(({ part }) => part)
    for await (const page of names.length > 0 ? source.windows(names) : []) {
      const block = toBlock(dimensions, page, writer)
      blocks.push(block)
      vectorBytes += blockBytes(block)
      if (vectorBytes + writer.length * bytesPerChunk > this.#held.budgetBytes) {
        return { version, dimensions, table: emptyTable, blocks: undefined, bytes: 0 }
      }
    }
    const bytes = vectorBytes + writer.length * bytesPerChunk
    return { version, dimensions, table: writer.finish(), blocks, bytes }
  }
}

/** The best of each page, and the best of those: the windows of a chunk may be in two pages. */
async function searchRows(
  source: VectorSource,
  query: Float32Array,
  { limit, accept }: SearchOptions,
  signal: AbortSignal,
): Promise<VectorHit[]> {
  const parts = await source.parts()
  const best = new Map<string, number>()
  for await (const page of source.windows(parts.map(({ part }) => part))) {
    const ofPage = new Set(page.map(({ part }) => part))
    const writer = new TableWriter(
      emptyTable,
      [...ofPage].map((part) => ({ part, stamp: 0 })),
    )
    const block = toBlock(source.dimensions, page, writer)
    const scan = new VectorScan(query, writer.finish(), accept)
    await scan.add(block, signal)
    for (const hit of scan.top(limit)) {
      best.set(hit.chunk_id, Math.max(hit.score, best.get(hit.chunk_id) ?? -Infinity))
    }
  }
  const ids = [...best.keys()]
  return topHits(ids, Float32Array.from(best.values()), limit)
}
