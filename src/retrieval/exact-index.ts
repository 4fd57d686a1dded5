/**
 * The vector index that every installation has: all vectors of a store in memory, each compared with the query.
 * Built from the rows when a store is first searched, kept within a budget, thrown away when the rows have changed.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { IndexedWindow, VectorHit, VectorIndex, VectorSource } from './port.ts'
import { topHits } from './top-hits.ts'
import { openVectorKernel, type VectorKernel } from './vector-kernel.ts'

/** Some rows of a store: a matrix and, for each chunk of each row, the number of the row and of the chunk. */
interface Slab {
  matrix: Float32Array
  rows: number
  pairRows: Int32Array
  pairChunks: Int32Array
}

interface Loaded {
  version: number
  dimensions: number
  slabs: Slab[]
  chunkIds: string[]
  bytes: number
}

type Accept = ((chunk_id: string) => boolean) | undefined
/** Another thing that the process does gets its turn after so many bytes, about a millisecond. */
const turnBytes = 16 << 20

export class ExactIndex implements VectorIndex {
  readonly #budgetBytes: number
  /** In the order of their last use. */
  readonly #stores = new Map<string, Loaded>()
  /** Searches that come while a store is being loaded wait for the same rows. */
  readonly #loading = new Map<string, Promise<Loaded | undefined>>()
  readonly #kernels = new Map<number, VectorKernel>()

  /** A store larger than the budget is searched all the same, straight from its rows. */
  constructor(options: { budgetBytes: number }) {
    this.#budgetBytes = options.budgetBytes
  }

  /** Bytes held now. */
  get bytes(): number {
    return [...this.#stores.values()].reduce((sum, store) => sum + store.bytes, 0)
  }

  async search(
    source: VectorSource,
    query: Float32Array,
    options: { limit: number; accept?: (chunk_id: string) => boolean },
    signal: AbortSignal,
  ): Promise<VectorHit[]> {
    signal.throwIfAborted()
    if (query.length !== source.dimensions) {
      throw new RangeError(`the query has ${query.length} dimensions, the store ${source.dimensions}`)
    }
    const kernel = this.#kernel(source.dimensions)
    const version = await source.version()
    const loaded = await this.#loaded(source, version)
    signal.throwIfAborted()
    const best = new BestChunks(options.accept)
    const scan: Scan = { kernel, query, best, scanned: 0 }
    if (loaded) {
      best.addChunks(loaded.chunkIds)
      for (const slab of loaded.slabs) await scanSlab(scan, slab, signal)
    } else {
      const reader = new SlabReader(kernel, source.dimensions)
      for await (const page of source.windows()) {
        const slab = reader.read(page)
        best.addChunks(reader.takeChunkIds())
        await scanSlab(scan, slab, signal)
      }
    }
    return best.top(options.limit)
  }

  forget(vector_store_id: string): void {
    this.#stores.delete(vector_store_id)
  }

  #kernel(dimensions: number): VectorKernel {
    const kernel = this.#kernels.get(dimensions) ?? openVectorKernel(dimensions)
    this.#kernels.set(dimensions, kernel)
    return kernel
  }

  /** Undefined when the store does not fit into the budget. */
  async #loaded(source: VectorSource, version: number): Promise<Loaded | undefined> {
    const { vector_store_id: id, dimensions } = source
    const known = this.#stores.get(id)
    if (known?.version === version && known.dimensions === dimensions) {
      this.#stores.delete(id)
      this.#stores.set(id, known)
      return known
    }
    this.#stores.delete(id)
    const key = `${id} ${version} ${dimensions}`
    const loading =
      this.#loading.get(key) ?? this.#load(source, version).finally(() => this.#loading.delete(key))
    this.#loading.set(key, loading)
    return loading
  }

  async #load(source: VectorSource, version: number): Promise<Loaded | undefined> {
    const reader = new SlabReader(this.#kernel(source.dimensions), source.dimensions)
    const loaded: Loaded = { version, dimensions: source.dimensions, slabs: [], chunkIds: [], bytes: 0 }
    for await (const page of source.windows()) {
      const slab = reader.read(page)
      const chunkIds = reader.takeChunkIds()
      loaded.slabs.push(slab)
      for (const chunkId of chunkIds) loaded.chunkIds.push(chunkId)
      // A chunk id is about 32 characters.
      loaded.bytes += slab.matrix.byteLength + slab.pairRows.byteLength * 2 + chunkIds.length * 48
      if (loaded.bytes > this.#budgetBytes) return undefined
    }
    this.#stores.set(source.vector_store_id, loaded)
    this.#evict()
    return loaded
  }

  #evict(): void {
    let bytes = this.bytes
    for (const [id, store] of this.#stores) {
      if (bytes <= this.#budgetBytes) return
      this.#stores.delete(id)
      bytes -= store.bytes
    }
  }
}

/** Copies pages of windows into slabs, numbering the chunks as they come. */
class SlabReader {
  readonly #kernel: VectorKernel
  readonly #dimensions: number
  readonly #numbers = new Map<string, number>()
  #fresh: string[] = []

  constructor(kernel: VectorKernel, dimensions: number) {
    this.#kernel = kernel
    this.#dimensions = dimensions
  }

  read(page: IndexedWindow[]): Slab {
    const { stride } = this.#kernel
    // Overlapping chunks share windows: one vector that is given for several chunks is kept once.
    const rows = new Map<Float32Array, number>()
    for (const { vector } of page) if (!rows.has(vector)) rows.set(vector, rows.size)
    const matrix = new Float32Array(rows.size * stride)
    for (const [vector, row] of rows) {
      if (vector.length !== this.#dimensions) {
        throw new RangeError(`a stored vector has ${vector.length} dimensions, its store ${this.#dimensions}`)
      }
      matrix.set(vector, row * stride)
    }
    const pairRows = Int32Array.from(page, ({ vector }) => rows.get(vector) ?? 0)
    const pairChunks = Int32Array.from(page, ({ chunk_id }) => this.#number(chunk_id))
    return { matrix, rows: rows.size, pairRows, pairChunks }
  }

  /** Ids of the chunks that are new since the last call, in the order of their numbers. */
  takeChunkIds(): string[] {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }

  #number(chunkId: string): number {
    const known = this.#numbers.get(chunkId)
    if (known !== undefined) return known
    const number = this.#numbers.size
    this.#numbers.set(chunkId, number)
    this.#fresh.push(chunkId)
    return number
  }
}

/** The largest score of each chunk that is accepted. */
class BestChunks {
  readonly #accept: Accept
  #chunkIds: string[] = []
  #ownsIds = false
  /** -Infinity: not seen yet; NaN: not accepted, since no score is larger than NaN. */
  #scores = new Float32Array(0)
  #refused = 0

  constructor(accept: Accept) {
    this.#accept = accept
  }

  /** All chunks so far are accepted, so that whole blocks can be scanned. */
  get takesAll(): boolean {
    return this.#refused === 0
  }

  accepts(chunk: number): boolean {
    return !Number.isNaN(this.#scores[chunk] ?? 0)
  }

  addChunks(chunkIds: string[]): void {
    const first = this.#chunkIds.length
    const length = first + chunkIds.length
    if (length > this.#scores.length) {
      const grown = new Float32Array(first === 0 ? length : Math.max(length, first * 2))
      grown.set(this.#scores)
      this.#scores = grown
    }
    this.#scores.fill(-Infinity, first, length)
    // The ids of a store in memory are one array for all searches: it is copied before anything is added.
    if (first === 0) this.#chunkIds = chunkIds
    else if (!this.#ownsIds) this.#chunkIds = [...this.#chunkIds, ...chunkIds]
    else for (const chunkId of chunkIds) this.#chunkIds.push(chunkId)
    this.#ownsIds = first > 0
    const accept = this.#accept
    if (!accept) return
    for (const [index, chunkId] of chunkIds.entries()) {
      if (accept(chunkId)) continue
      this.#scores[first + index] = Number.NaN
      this.#refused += 1
    }
  }

  /** `scores` are those of rows; each pair names a row and a chunk that it belongs to. */
  add(scores: Float32Array, pairRows: Int32Array, pairChunks: Int32Array): void {
    const best = this.#scores
    for (let pair = 0; pair < pairRows.length; pair += 1) {
      const chunk = pairChunks[pair] ?? 0
      const score = scores[pairRows[pair] ?? 0] ?? 0
      if (score > (best[chunk] ?? 0)) best[chunk] = score
    }
  }

  /** Best first; of equal scores the smaller id first. */
  top(limit: number): VectorHit[] {
    return topHits(this.#chunkIds, this.#scores, limit)
  }
}

interface Scan {
  kernel: VectorKernel
  query: Float32Array
  best: BestChunks
  /** Bytes since others had their turn. */
  scanned: number
}

async function scanSlab(scan: Scan, slab: Slab, signal: AbortSignal): Promise<void> {
  const { kernel, query, best } = scan
  const { matrix, rows, pairRows, pairChunks } = best.takesAll
    ? slab
    : acceptedPart(slab, kernel.stride, best)
  const scores = new Float32Array(rows)
  for (let first = 0; first < rows; first += kernel.blockRows) {
    const count = Math.min(kernel.blockRows, rows - first)
    scores.set(kernel.scan(query, matrix, { first, count }), first)
    scan.scanned += count * kernel.stride * 4
    if (scan.scanned < turnBytes) continue
    scan.scanned = 0
    await turn()
    signal.throwIfAborted()
  }
  best.add(scores, pairRows, pairChunks)
}

/** Only the rows of accepted chunks: a narrow filter makes a search cheap. */
function acceptedPart(slab: Slab, stride: number, best: BestChunks): Slab {
  const renumbered = new Int32Array(slab.rows).fill(-1)
  const pairs: number[] = []
  let rows = 0
  for (let pair = 0; pair < slab.pairRows.length; pair += 1) {
    if (!best.accepts(slab.pairChunks[pair] ?? 0)) continue
    pairs.push(pair)
    const row = slab.pairRows[pair] ?? 0
    if (renumbered[row] === -1) renumbered[row] = rows++
  }
  const matrix = new Float32Array(rows * stride)
  for (let row = 0; row < slab.rows; row += 1) {
    const place = renumbered[row] ?? -1
    if (place >= 0) matrix.set(slab.matrix.subarray(row * stride, (row + 1) * stride), place * stride)
  }
  return {
    matrix,
    rows,
    pairRows: Int32Array.from(pairs, (pair) => renumbered[slab.pairRows[pair] ?? 0] ?? 0),
    pairChunks: Int32Array.from(pairs, (pair) => slab.pairChunks[pair] ?? 0),
  }
}
