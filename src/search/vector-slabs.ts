/** Some vectors of a store in one matrix, and how they are compared with a query. */
import { setImmediate as turn } from 'node:timers/promises'
import { isLive, type ChunkTable, type TableWriter } from './chunk-table.ts'
import type { IndexedWindow, VectorHit } from './port.ts'
import { topHits } from './top-hits.ts'
import type { VectorKernel } from './vector-kernel.ts'

/** A matrix and, for each chunk of each row, the number of the row and of the chunk. */
export interface Slab {
  matrix: Float32Array
  rows: number
  pairRows: Int32Array
  pairChunks: Int32Array
}

/** Another thing that the process does gets its turn after so many bytes, about a millisecond. */
const turnBytes = 16 << 20
/** A smaller slab is joined with the next one. */
const fullSlabBytes = 4 << 20

export function slabBytes({ matrix, pairRows, pairChunks }: Slab): number {
  return matrix.byteLength + pairRows.byteLength + pairChunks.byteLength
}

/** Copies a page of windows; `writer` numbers the chunks. */
export function toSlab(
  kernel: VectorKernel,
  dimensions: number,
  page: IndexedWindow[],
  writer: TableWriter,
): Slab {
  const { stride } = kernel
  // Overlapping chunks share windows: one vector that is given for several chunks is kept once.
  const rows = new Map<Float32Array, number>()
  for (const { vector } of page) if (!rows.has(vector)) rows.set(vector, rows.size)
  const matrix = new Float32Array(rows.size * stride)
  for (const [vector, row] of rows) {
    if (vector.length !== dimensions) {
      throw new RangeError(`a stored vector has ${vector.length} dimensions, its store ${dimensions}`)
    }
    matrix.set(vector, row * stride)
  }
  const pairRows = Int32Array.from(page, ({ vector }) => rows.get(vector) ?? 0)
  const pairChunks = Int32Array.from(page, ({ part, chunk_id }) => writer.numberOf(part, chunk_id))
  return { matrix, rows: rows.size, pairRows, pairChunks }
}

/** Adds a slab to a list, or joins it with the last one while that is small. */
export function addSlab(slabs: Slab[], slab: Slab): void {
  const last = slabs.at(-1)
  if (!last || last.matrix.byteLength >= fullSlabBytes) {
    slabs.push(slab)
    return
  }
  slabs[slabs.length - 1] = {
    matrix: joinFloats(last.matrix, slab.matrix),
    rows: last.rows + slab.rows,
    pairRows: joinIntegers(
      last.pairRows,
      slab.pairRows.map((row) => row + last.rows),
    ),
    pairChunks: joinIntegers(last.pairChunks, slab.pairChunks),
  }
}

function joinFloats(one: Float32Array, other: Float32Array): Float32Array {
  const joined = new Float32Array(one.length + other.length)
  joined.set(one)
  joined.set(other, one.length)
  return joined
}

function joinIntegers(one: Int32Array, other: Int32Array): Int32Array {
  const joined = new Int32Array(one.length + other.length)
  joined.set(one)
  joined.set(other, one.length)
  return joined
}

/** One query on its way through the slabs of a store. */
export class SlabScan {
  readonly #kernel: VectorKernel
  readonly #query: Float32Array
  readonly #table: ChunkTable
  /** By chunk. -Infinity: not seen yet; NaN: not accepted, since no score is larger than NaN. */
  readonly #best: Float32Array
  #refused = 0
  /** Bytes since others had their turn. */
  #scanned = 0

  constructor(
    search: { kernel: VectorKernel; query: Float32Array; table: ChunkTable },
    accept: ((chunk_id: string) => boolean) | undefined,
  ) {
    const { kernel, query, table } = search
    this.#kernel = kernel
    this.#query = query
    this.#table = table
    this.#best = new Float32Array(table.ids.length).fill(-Infinity)
    if (!accept && table.live === table.ids.length) return
    for (const [chunk, id] of table.ids.entries()) {
      if (isLive(table, chunk) && (!accept || accept(id))) continue
      this.#best[chunk] = Number.NaN
      this.#refused += 1
    }
  }

  async add(slab: Slab, signal: AbortSignal): Promise<void> {
    const { stride, blockRows } = this.#kernel
    const { matrix, rows, pairRows, pairChunks } = this.#refused === 0 ? slab : this.#acceptedPart(slab)
    const scores = new Float32Array(rows)
    for (let first = 0; first < rows; first += blockRows) {
      const count = Math.min(blockRows, rows - first)
      scores.set(this.#kernel.scan(this.#query, matrix, { first, count }), first)
      this.#scanned += count * stride * 4
      if (this.#scanned < turnBytes) continue
      this.#scanned = 0
      await turn()
      signal.throwIfAborted()
    }
    const best = this.#best
    for (let pair = 0; pair < pairRows.length; pair += 1) {
      const chunk = pairChunks[pair] ?? 0
      const score = scores[pairRows[pair] ?? 0] ?? 0
      if (score > (best[chunk] ?? 0)) best[chunk] = score
    }
  }

  /** Best first; of equal scores the smaller id first. */
  top(limit: number): VectorHit[] {
    return topHits(this.#table.ids, this.#best, limit)
  }

  /** Only the rows of accepted chunks: a narrow filter makes a search cheap. */
  #acceptedPart(slab: Slab): Slab {
    const { stride } = this.#kernel
    const renumbered = new Int32Array(slab.rows).fill(-1)
    const pairs: number[] = []
    let rows = 0
    for (let pair = 0; pair < slab.pairRows.length; pair += 1) {
      if (Number.isNaN(this.#best[slab.pairChunks[pair] ?? 0] ?? 0)) continue
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
}
