/**
 * Some of a store's vectors in one typed array, and how a query is compared with them. A number takes one byte: a cosine
 * differs by a few thousandths from the exact one, and a vector takes a quarter of the memory of its floats.
 */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { rangesOf, type ChunkTable } from './chunk-table.ts'
import type { IndexedWindow, Within } from './port.ts'

/**
 * Some vectors. Chunks are numbered in the lot that the block belongs to. Entry i of `rows` and `chunks` says: row `rows[i]`
 * belongs to chunk `chunks[i]`.
 */
export interface VectorBlock {
  /** Row after row. */
  vectors: Int8Array
  /** What a number of each row counts. */
  scales: Float32Array
  rows: Int32Array
  chunks: Int32Array
}

/** After so many products, which take a few milliseconds, other work of the process gets a turn. */
const turnProducts = 4_000_000

export function blockBytes({ vectors, scales, rows, chunks }: VectorBlock): number {
  return vectors.byteLength + scales.byteLength + rows.byteLength + chunks.byteLength
}

/**
 * Copies a page of windows; those of chunks that `numberOf` does not know are left out. Throws a RangeError for a vector of
 * another width.
 */
export function toBlock(
  dimensions: number,
  windows: readonly IndexedWindow[],
  numberOf: (part: number, position: number) => number | undefined,
): VectorBlock {
  const page = windows.flatMap(({ part, position, vector }) => {
    const chunk = numberOf(part, position)
    return chunk === undefined ? [] : [{ chunk, vector }]
  })
  // Overlapping chunks share windows: a vector that is given for several chunks is kept once.
  const rowOf = new Map<Float32Array, number>()
  for (const { vector } of page) if (!rowOf.has(vector)) rowOf.set(vector, rowOf.size)
  const vectors = new Int8Array(rowOf.size * dimensions)
  const scales = new Float32Array(rowOf.size)
  for (const [vector, row] of rowOf) {
    if (vector.length !== dimensions) {
      throw new RangeError(`a stored vector has ${vector.length} dimensions, its store ${dimensions}`)
    }
    scales[row] = roundInto(vectors.subarray(row * dimensions, (row + 1) * dimensions), vector)
  }
  return {
    vectors,
    scales,
    rows: Int32Array.from(page, ({ vector }) => rowOf.get(vector) ?? 0),
    chunks: Int32Array.from(page, ({ chunk }) => chunk),
  }
}

/** Joins blocks to blocks of about so many bytes, with the same vectors in the same order. */
export function* joinBlocks(blocks: readonly VectorBlock[], bytes: number): Generator<VectorBlock> {
  let [group, size]: [VectorBlock[], number] = [[], 0]
  for (const block of blocks) {
    group.push(block)
    size += blockBytes(block)
    if (size < bytes) continue
    yield joinAll(group)
    ;[group, size] = [[], 0]
  }
  if (group.length > 0) yield joinAll(group)
}

function joinAll(blocks: readonly VectorBlock[]): VectorBlock {
  const sum = (count: (block: VectorBlock) => number) =>
    blocks.reduce((total, block) => total + count(block), 0)
  const [rows, entries] = [sum(({ scales }) => scales.length), sum((block) => block.rows.length)]
  const joined = {
    vectors: new Int8Array(sum(({ vectors }) => vectors.length)),
    scales: new Float32Array(rows),
    rows: new Int32Array(entries),
    chunks: new Int32Array(entries),
  }
  let [row, entry, number] = [0, 0, 0]
  for (const block of blocks) {
    joined.vectors.set(block.vectors, number)
    joined.scales.set(block.scales, row)
    for (const at of block.rows.keys()) joined.rows[entry + at] = row + (block.rows[at] ?? 0)
    joined.chunks.set(block.chunks, entry)
    row += block.scales.length
    entry += block.rows.length
    number += block.vectors.length
  }
  return joined
}

/** The format is: the number of vectors, the number of entries, and then the arrays one after the other. */
export function packBlock({ vectors, scales, rows, chunks }: VectorBlock): Uint8Array {
  const parts = [Uint32Array.of(scales.length, rows.length), scales, rows, chunks, vectors]
  return Buffer.concat(
    parts.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
  )
}

export function unpackBlock(packed: Uint8Array): VectorBlock {
  // Copied: the driver's buffers begin anywhere, numbers of four bytes only at multiples of four.
  const { buffer } = new Uint8Array(packed)
  const [vectors = 0, entries = 0] = new Uint32Array(buffer, 0, 2)
  const [rows, chunks, numbers] = [
    8 + vectors * 4,
    8 + (vectors + entries) * 4,
    8 + (vectors + 2 * entries) * 4,
  ]
  return {
    scales: new Float32Array(buffer, 8, vectors),
    rows: new Int32Array(buffer, rows, entries),
    chunks: new Int32Array(buffer, chunks, entries),
    vectors: new Int8Array(buffer, numbers),
  }
}

/** Fills `rounded` with whole numbers from -127 to 127; returns what 1 counts there. */
function roundInto(rounded: Int8Array, vector: Float32Array): number {
  let largest = 0
  for (const value of vector) largest = Math.max(largest, Math.abs(value))
  if (largest === 0) return 0
  const scale = largest / 127
  for (let at = 0; at < vector.length; at += 1) rounded[at] = Math.round((vector[at] ?? 0) / scale)
  return scale
}

/** Compares one query with the blocks of a store, one after the other. */
export class VectorScan {
  readonly #query: Float32Array
  /** The best score of each chunk. -Infinity: not seen yet; NaN: not wanted, since no score is larger than NaN. */
  readonly best: Float32Array
  /** Products since other work had its turn. */
  #products = 0

  constructor(query: Float32Array, table: ChunkTable, within: Within | undefined) {
    this.#query = query
    this.best = new Float32Array(table.length).fill(Number.NaN)
    for (const { from, to } of rangesOf(table, within)) this.best.fill(-Infinity, from, to)
  }

  /** Whether any chunk from number `from` up to `to` is wanted. */
  wants(from: number, to: number): boolean {
    return !this.best.subarray(from, to).every(Number.isNaN)
  }

  /** `first` is the number of the block's chunk 0. Chunks that are not wanted cost no products. Throws the signal's reason. */
  async add(
    { vectors, scales, rows, chunks }: VectorBlock,
    first: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { best } = this
    let scored = -1
    let score = 0
    for (let at = 0; at < rows.length; at += 1) {
      const chunk = first + (chunks[at] ?? 0)
      if (Number.isNaN(best[chunk])) continue
      const row = rows[at] ?? 0
      // The chunks of a shared window follow one another.
      if (row !== scored) {
        score = dotProduct(this.#query, vectors, row) * (scales[row] ?? 0)
        scored = row
        this.#products += this.#query.length
      }
      if (score > (best[chunk] ?? 0)) best[chunk] = score
      if (this.#products < turnProducts) continue
      this.#products = 0
      await nextTurnOfLoop()
      signal.throwIfAborted()
    }
  }
}

/** Four sums at once: the processor need not wait for one addition before it begins the next. */
function dotProduct(query: Float32Array, vectors: Int8Array, row: number): number {
  const { length } = query
  const start = row * length
  const whole = length - (length % 4)
  let [first, second, third, fourth] = [0, 0, 0, 0]
  for (let at = 0; at < whole; at += 4) {
    const place = start + at
    first += (query[at] ?? 0) * (vectors[place] ?? 0)
    second += (query[at + 1] ?? 0) * (vectors[place + 1] ?? 0)
    third += (query[at + 2] ?? 0) * (vectors[place + 2] ?? 0)
    fourth += (query[at + 3] ?? 0) * (vectors[place + 3] ?? 0)
  }
  for (let at = whole; at < length; at += 1) first += (query[at] ?? 0) * (vectors[start + at] ?? 0)
  return first + second + third + fourth
}
