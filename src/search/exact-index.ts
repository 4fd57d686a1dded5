/**
 * The vector index that every installation has: all vectors of a store in memory, each compared with the query.
 * Read from the rows when a store is first searched, kept within a budget; when the rows have changed only the parts
 * that are new are read.
 */
import { bytesPerChunk, emptyTable, TableWriter, withoutGone, type ChunkTable } from './chunk-table.ts'
import { HeldStores, type Held } from './held-stores.ts'
import type { VectorHit, VectorIndex, VectorSource } from './port.ts'
import { topHits } from './top-hits.ts'
import { openVectorKernel, type VectorKernel } from './vector-kernel.ts'
import { addSlab, slabBytes, SlabScan, toSlab, type Slab } from './vector-slabs.ts'

interface Loaded extends Held {
  dimensions: number
  table: ChunkTable
  slabs: Slab[]
}

interface SearchOptions {
  limit: number
  accept?: (chunk_id: string) => boolean
}

export class ExactIndex implements VectorIndex {
  readonly #held: HeldStores<Loaded>
  readonly #kernels = new Map<number, VectorKernel>()

  /** A store larger than the budget is searched all the same, straight from its rows. */
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
    const kernel = this.#kernel(source.dimensions)
    if (!loaded) return searchRows({ source, kernel, query }, options, signal)
    const scan = new SlabScan({ kernel, query, table: loaded.table }, options.accept)
    for (const slab of loaded.slabs) await scan.add(slab, signal)
    return scan.top(options.limit)
  }

  forget(vector_store_id: string): void {
    this.#held.forget(vector_store_id)
  }

  #kernel(dimensions: number): VectorKernel {
    const kernel = this.#kernels.get(dimensions) ?? openVectorKernel(dimensions)
    this.#kernels.set(dimensions, kernel)
    return kernel
  }

  /** Undefined when the store does not fit into the budget. */
  async #load(source: VectorSource, version: number, known: Loaded | undefined): Promise<Loaded | undefined> {
    const { dimensions } = source
    const before = known?.dimensions === dimensions ? known : undefined
    const { table, fresh } = withoutGone(before?.table ?? emptyTable, await source.parts())
    const slabs = table === emptyTable ? [] : [...(before?.slabs ?? [])]
    const writer = new TableWriter(table, fresh)
    const size = () => sizeOf(slabs) + writer.length * bytesPerChunk
    const names = fresh.map(({ part }) => part)
    for await (const page of names.length > 0 ? source.windows(names) : []) {
      addSlab(slabs, toSlab(this.#kernel(dimensions), dimensions, page, writer))
      if (size() > this.#held.budgetBytes) return undefined
    }
    const bytes = size()
    return { version, dimensions, table: writer.finish(), slabs, bytes }
  }
}

function sizeOf(slabs: Slab[]): number {
  return slabs.reduce((sum, slab) => sum + slabBytes(slab), 0)
}

/** The best of each page, and the best of those: a chunk's windows may lie in two pages. */
async function searchRows(
  { source, kernel, query }: { source: VectorSource; kernel: VectorKernel; query: Float32Array },
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
    const slab = toSlab(kernel, source.dimensions, page, writer)
    const scan = new SlabScan({ kernel, query, table: writer.finish() }, accept)
    await scan.add(slab, signal)
    for (const hit of scan.top(limit)) {
      best.set(hit.chunk_id, Math.max(hit.score, best.get(hit.chunk_id) ?? -Infinity))
    }
  }
  const ids = [...best.keys()]
  return topHits(ids, Float32Array.from(best.values()), limit)
}
