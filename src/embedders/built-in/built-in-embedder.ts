/**
 * The embedder that needs nothing but this package: a table with one vector for each word piece; the vector of a text is
 * the sum of its pieces' vectors. Decision 0038 says how the table was made. English only: text without a known piece
 * has the vector of zeros, which is near to nothing.
 */
import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Embedder } from '../port.ts'
import { wordPieces, type WordPieces } from './word-pieces.ts'

const dimensions = 128
/** The table has no limit of its own: this length was measured to be best for short and long chunks together. */
const windowTokens = 130
/** After so many texts, other work of the process gets its turn. */
const textsAtOnce = 20

interface Table {
  pieces: WordPieces
  /** One vector after the other. */
  vectors: Float32Array
}

export class BuiltInEmbedder implements Embedder {
  readonly id = builtInId
  readonly dimensions = dimensions
  readonly windowTokens = windowTokens
  #table: Table | undefined

  async embed(texts: string[], _purpose: 'query' | 'passage', signal: AbortSignal): Promise<Float32Array[]> {
    signal.throwIfAborted()
    const table = (this.#table ??= readTable())
    const vectors: Float32Array[] = []
    for (const [index, text] of texts.entries()) {
      if (index % textsAtOnce === textsAtOnce - 1) {
        await nextTurn()
        signal.throwIfAborted()
      }
      vectors.push(embed(text, table))
    }
    return vectors
  }

  async close(): Promise<void> {}
}

/** Another table needs another id; this one then belongs to `earlierIds`. */
export const builtInId = `minilm-words/${dimensions}`
/** Built-in embedders of earlier versions. */
export const earlierIds: readonly string[] = ['use-lite/512']

function embed(text: string, { pieces, vectors }: Table): Float32Array {
  const sum = new Float32Array(dimensions)
  for (const piece of pieces(text)) {
    const start = piece * dimensions
    for (let at = 0; at < dimensions; at += 1) sum[at] = (sum[at] ?? 0) + (vectors[start + at] ?? 0)
  }
  const length = Math.hypot(...sum)
  return length === 0 ? sum : sum.map((value) => value / length)
}

/** In the file each vector is a float that scales it, and `dimensions` bytes with a sign. */
function readTable(): Table {
  const read = (name: string) => readFileSync(new URL(name, import.meta.url))
  const vocabulary = read('vocabulary.txt').toString('utf8').split('\n')
  const bytes = read('vectors.bin')
  const rowBytes = 4 + dimensions
  const numbers = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const vectors = new Float32Array(vocabulary.length * dimensions)
  for (let row = 0; row < vocabulary.length; row += 1) {
    const scale = bytes.readFloatLE(row * rowBytes)
    for (let at = 0; at < dimensions; at += 1) {
      vectors[row * dimensions + at] = scale * (numbers[row * rowBytes + 4 + at] ?? 0)
    }
  }
  return { pieces: wordPieces(vocabulary), vectors }
}
