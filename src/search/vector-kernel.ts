/**
 * Dot products by the hundred thousand: a WebAssembly function of 200 bytes, since plain JavaScript is three times
 * slower and a native package would have to be built or shipped for every system.
 */

/** Rows that fit into a block are copied to the function's memory, which stays in the processor's cache. */
const blockBytes = 256 * 1024
const pageBytes = 64 * 1024
/** Query, scores and block each begin at a page of their own. */
const queryAt = 0
const scoresAt = pageBytes
const blockAt = 2 * pageBytes
/** Floats that one turn of the inner loop takes. */
const lane = 16
const mostDimensions = pageBytes / 4

/** Node has it, its types name only the types of it. */
interface Engine {
  Memory: new (size: { initial: number }) => { buffer: ArrayBuffer }
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { exports: Record<string, unknown> }
}
const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly

export interface VectorKernel {
  /** Floats a row, padded with zeros, takes in the matrices given to `scan`. */
  readonly stride: number
  /** Most rows of one `scan`. */
  readonly blockRows: number
  /** The dot products of the query with `rows` rows of the matrix; valid until the next call. */
  scan(query: Float32Array, matrix: Float32Array, rows: { first: number; count: number }): Float32Array
}

export function openVectorKernel(dimensions: number): VectorKernel {
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > mostDimensions) {
    throw new RangeError(`vectors have 1 to ${mostDimensions} dimensions, not ${dimensions}`)
  }
  const stride = Math.ceil(dimensions / lane) * lane
  const blockRows = Math.max(1, Math.floor(blockBytes / (stride * 4)))
  const memory = new engine.Memory({ initial: 2 + blockBytes / pageBytes })
  const { exports } = new engine.Instance(new engine.Module(moduleBytes()), { js: { memory } })
  const scan = exports.scan as (...numbers: number[]) => void
  const [queries, scores, block] = [queryAt, scoresAt, blockAt].map(
    (at) => new Float32Array(memory.buffer, at),
  )
  if (!queries || !scores || !block) throw new Error('expected three views')
  return {
    stride,
    blockRows,
    scan(query, matrix, { first, count }) {
      queries.set(query)
      block.set(matrix.subarray(first * stride, (first + count) * stride))
      scan(blockAt, queryAt, scoresAt, count, stride * 4)
      return scores.subarray(0, count)
    },
  }
}

/** Encodings of the instructions that the program needs. */
const get = (local: number) => [0x20, local]
const set = (local: number) => [0x21, local]
const tee = (local: number) => [0x22, local]
/** A number below 128, as signed LEB128 of two bytes. */
const int = (value: number) => [0x41, value | 0x80, 0x00]
const addInts = 0x6a
const subtractInts = 0x6b
const isLess = 0x49
const loop = [0x03, 0x40]
/** Back to the beginning of the innermost loop when the value on the stack is not zero. */
const repeatIf = [0x0d, 0x00]
const end = 0x0b
const zeros = [0xfd, 0x0c, ...Array.from({ length: 16 }, () => 0)]
const loadVector = (offset: number) => [0xfd, 0x00, 0x02, offset]
const multiplyVectors = [0xfd, 0xe6, 0x01]
const addVectors = [0xfd, 0xe4, 0x01]
const extract = (place: number) => [0xfd, 0x1f, place]
const addFloats = 0x92
const storeFloat = [0x38, 0x02, 0x00]

type Code = (number | Code)[]

function flat(...code: Code): number[] {
  return code.flatMap((part) => (typeof part === 'number' ? part : flat(...part)))
}

/** `scan(matrix, query, scores, rows, bytes)`: addresses, a count, and the bytes of a row. */
function moduleBytes(): Uint8Array {
  const [matrix, query, scores, rows, bytes] = [0, 1, 2, 3, 4]
  const [at, stop] = [5, 6]
  const [sum, second, third, fourth] = [7, 8, 9, 10]
  const sums = [sum, second, third, fourth]
  const addLane = sums.map((one, place) => [
    [get(one), get(matrix), loadVector(16 * place), get(at), loadVector(16 * place)],
    [multiplyVectors, addVectors, set(one)],
  ])
  const innerLoop = [
    [loop, addLane, get(matrix), int(4 * lane), addInts, set(matrix)],
    [get(at), int(4 * lane), addInts, tee(at), get(stop), isLess, repeatIf, end],
  ]
  const total = [
    [get(sum), get(second), addVectors, get(third), get(fourth), addVectors, addVectors, set(sum)],
    [get(sum), extract(0), get(sum), extract(1), addFloats],
    [get(sum), extract(2), get(sum), extract(3), addFloats, addFloats],
  ]
  const outerLoop = [
    [loop, get(query), set(at), get(query), get(bytes), addInts, set(stop)],
    [sums.map((one) => [zeros, set(one)]), innerLoop, get(scores), total, storeFloat],
    [get(scores), int(4), addInts, set(scores)],
    [get(rows), int(1), subtractInts, tee(rows), repeatIf, end],
  ]
  // Locals: two integers and four vectors.
  const body = sized(2, 2, 0x7f, 4, 0x7b, outerLoop, end)
  return Uint8Array.from(
    flat(
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      [1, sized(1, 0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0)],
      [2, sized(1, name('js'), name('memory'), 0x02, 0x00, 1)],
      [3, sized(1, 0)],
      [7, sized(1, name('scan'), 0x00, 0)],
      [10, sized(1, body)],
    ),
  )
}

function name(text: string): number[] {
  return sized([...Buffer.from(text)])
}

/** The code with its length before it, as unsigned LEB128 of two bytes at most. */
function sized(...code: Code): number[] {
  const bytes = flat(...code)
  const { length } = bytes
  return length < 128 ? [length, ...bytes] : [(length & 127) | 128, length >> 7, ...bytes]
}
