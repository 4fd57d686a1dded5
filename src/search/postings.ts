/** Which chunks hold a term, and how often. One object covers some thousand chunks. */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { eachTerm } from '../documents/index.ts'

/** After so many rows, which take a few milliseconds, other work of the process gets a turn. */
const turnRows = 200

/** A term is identified by its hash, and a chunk by its place in the segment. */
export interface TermPostings {
  /** Terms of each chunk, repetitions counted. */
  readonly lengths: Float32Array
  /** How many chunks hold the term. */
  count(hash: number): number
  /** Calls back with each chunk that holds the term, in order, and how often it does. */
  each(hash: number, visit: (chunk: number, count: number) => void): void
}

export class Postings implements TermPostings {
  readonly #terms: TermTable
  /** The postings of term t are from `starts[t]` to `starts[t + 1]`. */
  readonly #starts: Uint32Array
  readonly #chunks: Uint16Array | Uint32Array
  readonly #counts: Uint8Array
  readonly lengths: Float32Array

  constructor(built: {
    terms: TermTable
    starts: Uint32Array
    chunks: Uint16Array | Uint32Array
    counts: Uint8Array
    lengths: Float32Array
  }) {
    this.#terms = built.terms
    this.#starts = built.starts
    this.#chunks = built.chunks
    this.#counts = built.counts
    this.lengths = built.lengths
  }

  get bytes(): number {
    const arrays = [this.#starts, this.#chunks, this.#counts, this.lengths]
    return arrays.reduce((sum, array) => sum + array.byteLength, this.#terms.bytes)
  }

  get hashes(): Uint32Array {
    return this.#terms.hashes
  }

  count(hash: number): number {
    const [from, to] = this.#range(hash)
    return to - from
  }

  each(hash: number, visit: (chunk: number, count: number) => void): void {
    const [from, to] = this.#range(hash)
    for (let at = from; at < to; at += 1) visit(this.#chunks[at] ?? 0, this.#counts[at] ?? 0)
  }

  #range(hash: number): [from: number, to: number] {
    const term = this.#terms.find(hash)
    return term < 0 ? [0, 0] : [this.#starts[term] ?? 0, this.#starts[term + 1] ?? 0]
  }
}

/** Makes the postings of chunks from their packed terms. A chunk without packed terms has no words. */
export async function buildPostings(packed: readonly (Uint8Array | undefined)[]): Promise<Postings> {
  const terms = new TermTable()
  const lengths = new Float32Array(packed.length)
  for (const [chunk, ofChunk] of packed.entries()) {
    if (ofChunk)
      eachTerm(ofChunk, (hash, count) => {
        terms.count(hash)
        lengths[chunk] = (lengths[chunk] ?? 0) + count
      })
    if (chunk % turnRows === turnRows - 1) await nextTurnOfLoop()
  }
  const starts = terms.finish()
  const next = starts.slice()
  const total = starts.at(-1) ?? 0
  const chunks = packed.length > 1 << 16 ? new Uint32Array(total) : new Uint16Array(total)
  const counts = new Uint8Array(total)
  for (const [chunk, ofChunk] of packed.entries()) {
    if (ofChunk)
      eachTerm(ofChunk, (hash, count) => {
        const term = terms.find(hash)
        const place = next[term] ?? 0
        next[term] = place + 1
        chunks[place] = chunk
        counts[place] = count
      })
    if (chunk % turnRows === turnRows - 1) await nextTurnOfLoop()
  }
  return new Postings({ terms, starts, chunks, counts, lengths })
}

/** Numbers hashes in the order of their arrival. A Map of a million numbers would take ten times the memory. */
class TermTable {
  #size = 0
  /** Open addressing: 0 is an empty place, else the term's number plus one. */
  #places = new Uint32Array(1024)
  #hashes = new Uint32Array(512)
  #counts = new Uint32Array(512)

  get bytes(): number {
    return this.#places.byteLength + this.#hashes.byteLength + this.#counts.byteLength
  }

  /** Of the terms in the order of their numbers, after `finish`. */
  get hashes(): Uint32Array {
    return this.#hashes
  }

  /** The number of the term, or -1. */
  find(hash: number): number {
    return (this.#places[this.#placeOf(hash)] ?? 0) - 1
  }

  count(hash: number): void {
    let place = this.#placeOf(hash)
    if (this.#places[place] === 0) {
      if (this.#size === this.#hashes.length) {
        this.#grow()
        place = this.#placeOf(hash)
      }
      this.#hashes[this.#size] = hash
      this.#places[place] = ++this.#size
    }
    const term = (this.#places[place] ?? 0) - 1
    this.#counts[term] = (this.#counts[term] ?? 0) + 1
  }

  /** Where the postings of each term begin, and one more number for the end. No term can be counted afterwards. */
  finish(): Uint32Array {
    const starts = new Uint32Array(this.#size + 1)
    for (let term = 0; term < this.#size; term += 1) {
      starts[term + 1] = (starts[term] ?? 0) + (this.#counts[term] ?? 0)
    }
    this.#counts = new Uint32Array()
    this.#hashes = this.#hashes.slice(0, this.#size)
    return starts
  }

  #placeOf(hash: number): number {
    const mask = this.#places.length - 1
    let place = hash & mask
    for (;;) {
      const number = this.#places[place] ?? 0
      if (number === 0 || this.#hashes[number - 1] === hash) return place
      place = (place + 1) & mask
    }
  }

  #grow(): void {
    const [hashes, counts] = [this.#hashes, this.#counts]
    this.#hashes = new Uint32Array(hashes.length * 2)
    this.#counts = new Uint32Array(hashes.length * 2)
    this.#hashes.set(hashes)
    this.#counts.set(counts)
    this.#places = new Uint32Array(hashes.length * 4)
    for (let term = 0; term < this.#size; term += 1) {
      this.#places[this.#placeOf(this.#hashes[term] ?? 0)] = term + 1
    }
  }
}
