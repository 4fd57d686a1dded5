/**
 * The embedder that needs nothing but this package: a table with one vector for each word piece; the vector of a text is
 * the sum of its pieces' vectors. Decision 0038 says how the table was made. English only: text without a known piece
 * has the vector of zeros, which is near to nothing.
 */
import { readFileSync } from 'node:fs'
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import type { Embedder } from '../port.ts'

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
        await nextTurnOfLoop()
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

/** Punctuation says little about the subject of a text. */
const words = /[\p{L}\p{N}]+/gu
/** The cache is limited, so that a stream of new words does not fill the memory. */
const maxCachedWords = 50_000
const longestWord = 100

/** The numbers of the pieces of a text, in order; what the vocabulary does not have is left out. */
type WordPieces = (text: string) => number[]

/**
 * Splits English text into the word pieces of BERT's vocabulary. The place of a piece in `vocabulary` is its number. A piece inside of a word is written with `##` before it.
 */
function wordPieces(vocabulary: readonly string[]): WordPieces {
  const numbers = new Map(vocabulary.map((piece, number) => [piece, number]))
  const cache = new Map<string, number[]>()
  const piecesOf = (word: string): number[] => {
    const known = cache.get(word)
    if (known) return known
    const pieces = longestPieces(word, numbers)
    if (cache.size >= maxCachedWords) cache.clear()
    cache.set(word, pieces)
    return pieces
  }
  return (text) => {
    const plain = text
      .toLowerCase()
      .normalize('NFD')
      .replace(/\p{Mn}/gu, '')
    return (plain.match(words) ?? []).flatMap(piecesOf)
  }
}

/** The longest piece that fits, then the longest of what is left. A word that cannot be split completely has no pieces. */
function longestPieces(word: string, numbers: ReadonlyMap<string, number>): number[] {
  if (word.length > longestWord) return []
  const pieces: number[] = []
  for (let start = 0; start < word.length;) {
    let end = word.length
    const prefix = start === 0 ? '' : '##'
    while (end > start && !numbers.has(prefix + word.slice(start, end))) end -= 1
    const number = numbers.get(prefix + word.slice(start, end))
    if (number === undefined) return []
    pieces.push(number)
    start = end
  }
  return pieces
}
