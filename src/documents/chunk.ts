/** Cuts a document into overlapping chunks of at most a number of tokens, at the ends of lines and sentences. */
import { parseFailures } from './parse-failure.ts'
import type { Section, SectionPlace } from './sections.ts'

/** The `static` of a chunking strategy. */
export interface ChunkSizes {
  max_chunk_size_tokens: number
  chunk_overlap_tokens: number
}

export const defaultChunkSizes: ChunkSizes = { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 }

export interface Chunk {
  text: string
  tokens: number
  /** Where the text begins and ends in the document, in UTF-16 units. */
  start: number
  end: number
  /** Page and slide on which the chunk begins, and on which it ends when that is another. */
  page?: number
  last_page?: number
  slide?: number
  last_slide?: number
  /** The last heading before or at the chunk's beginning. */
  heading?: string
}

export interface ChunkOptions {
  sizes: ChunkSizes
  countTokens: (text: string) => number
  /** A document with more tokens is refused with `ParseFailure`. */
  maxTokens: number
}

interface Atom {
  text: string
  tokens: number
  start: number
  place: SectionPlace
}

/** The longest piece whose tokens are counted at once: encoders are slow on long runs of one kind of character. */
const atomLength = 240

/** The chunks of a document, in order. Keeps at most one section and one chunk in memory. */
export async function* chunkSections(
  sections: AsyncIterable<Section> | Iterable<Section>,
  options: ChunkOptions,
): AsyncGenerator<Chunk> {
  const { max_chunk_size_tokens: most, chunk_overlap_tokens: overlap } = options.sizes
  let held: Atom[] = []
  let tokens = 0
  let fresh = 0
  for await (const atom of atomsOf(sections, options)) {
    if (tokens + atom.tokens > most) {
      if (fresh > 0) yield* chunkOf(held)
      const kept = tailOf(held, Math.min(overlap, most - atom.tokens))
      held = kept.atoms
      tokens = kept.tokens
      fresh = 0
    }
    held.push(atom)
    tokens += atom.tokens
    if (isVisible(atom)) fresh += 1
  }
  if (fresh > 0) yield* chunkOf(held)
}

async function* atomsOf(
  sections: AsyncIterable<Section> | Iterable<Section>,
  options: ChunkOptions,
): AsyncGenerator<Atom> {
  let start = 0
  let total = 0
  for await (const { text, ...place } of sections) {
    for (const part of partsOf(text, options)) {
      total += part.tokens
      if (total > options.maxTokens) throw parseFailures.tooLarge()
      yield { ...part, start, place }
      start += part.text.length
    }
  }
}

function* partsOf(text: string, options: ChunkOptions): Generator<{ text: string; tokens: number }> {
  for (const piece of pieces(text)) yield* withinTokens(piece, options)
}

/** Splits a text into lines, and long lines into sentences. Each piece includes the white space after it. */
function* pieces(text: string): Generator<string> {
  const boundary = /\n+|[.!?…]["'”’)\]]*\s+|[。！？]+["'”’」』）]*/g
  let at = 0
  for (const found of text.matchAll(boundary)) {
    const end = found.index + found[0].length
    yield* shorten(text.slice(at, end))
    at = end
  }
  yield* shorten(text.slice(at))
}

/** Cuts a piece that is too long between words, or between characters when it has no words. */
function* shorten(piece: string): Generator<string> {
  let rest = piece
  while (rest.length > atomLength) {
    const blank = rest.lastIndexOf(' ', atomLength - 1) + 1
    const length = blank > atomLength / 4 ? blank : wholeCharacters(rest, atomLength)
    yield rest.slice(0, length)
    rest = rest.slice(length)
  }
  if (rest !== '') yield rest
}

/** Halves a piece until it fits into a chunk: 240 emoji can be more than 100 tokens. */
function* withinTokens(text: string, options: ChunkOptions): Generator<{ text: string; tokens: number }> {
  const tokens = options.countTokens(text)
  if (tokens <= options.sizes.max_chunk_size_tokens || text.length < 4) {
    yield { text, tokens }
    return
  }
  const half = wholeCharacters(text, Math.floor(text.length / 2))
  yield* withinTokens(text.slice(0, half), options)
  yield* withinTokens(text.slice(half), options)
}

/** `length`, or one less when a cut there would split a surrogate pair. */
function wholeCharacters(text: string, length: number): number {
  const unit = text.charCodeAt(length - 1)
  return unit >= 0xd800 && unit <= 0xdbff && length > 1 ? length - 1 : length
}

/** The last atoms that have at most `most` tokens in total. */
function tailOf(atoms: Atom[], most: number): { atoms: Atom[]; tokens: number } {
  let tokens = 0
  let from = atoms.length
  while (from > 0) {
    const count = atoms[from - 1]?.tokens ?? 0
    if (tokens + count > most) break
    tokens += count
    from -= 1
  }
  return { atoms: atoms.slice(from), tokens }
}

function* chunkOf(atoms: Atom[]): Generator<Chunk> {
  const from = atoms.findIndex(isVisible)
  const seen = atoms.slice(from, atoms.findLastIndex(isVisible) + 1)
  const [first, last] = [seen[0], seen.at(-1)]
  if (!first || !last) return
  const joined = seen.map((atom) => atom.text).join('')
  const text = joined.trim()
  const start = first.start + joined.indexOf(text)
  yield {
    text,
    tokens: seen.reduce((sum, atom) => sum + atom.tokens, 0),
    start,
    end: start + text.length,
    ...first.place,
    ...(last.place.page !== first.place.page && { last_page: last.place.page }),
    ...(last.place.slide !== first.place.slide && { last_slide: last.place.slide }),
  }
}

function isVisible(atom: Atom): boolean {
  return atom.text.trim() !== ''
}
