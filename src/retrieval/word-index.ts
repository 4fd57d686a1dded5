/**
 * The index of words: BM25 over all chunks of a store, in memory, built from the terms in its rows and thrown away
 * when the rows have changed. A chunk that holds any word of the query is found.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { eachTerm, hashTerm, termsOf } from './terms.ts'
import { topHits, type Hit } from './top-hits.ts'

/** The rows of one vector store, as its index of words needs them. */
export interface WordSource {
  vector_store_id: string
  /** Raised in every transaction that changes the store's chunks. */
  version(): Promise<number>
  /** The packed terms of all chunks, in pages. */
  terms(): AsyncIterable<{ chunk_id: string; terms: Uint8Array }[]>
}

/** How much a word that comes again counts, and how much a long chunk is held back: the usual values. */
const repetition = 1.2
const lengthWeight = 0.75
/** Others get their turn after so many postings, about a millisecond. */
const turnPostings = 100_000

export class WordIndex {
  readonly #budgetBytes: number
  /** In the order of their last use. */
  readonly #stores = new Map<string, Postings>()
  readonly #loading = new Map<string, Promise<Postings>>()

  constructor(options: { budgetBytes: number }) {
    this.#budgetBytes = options.budgetBytes
  }

  /** Bytes held now. */
  get bytes(): number {
    return [...this.#stores.values()].reduce((sum, store) => sum + store.bytes, 0)
  }

  /**
   * The `limit` best chunks for the words of the query, best first, of those that `accept` lets pass. Scores lie in
   * 0..1: BM25 as a part of the most that the query could reach, times the part of the query that the chunk covers,
   * rare words weighing more. So a chance match of one word stays far below any good match by meaning.
   */
  async search(
    source: WordSource,
    query: string,
    options: { limit: number; accept?: (chunk_id: string) => boolean },
    signal: AbortSignal,
  ): Promise<Hit[]> {
    return this.searchHashes(source, termsOf(query).map(hashTerm), options, signal)
  }

  /** The same for terms that are hashed already. */
  async searchHashes(
    source: WordSource,
    terms: number[],
    options: { limit: number; accept?: (chunk_id: string) => boolean },
    signal: AbortSignal,
  ): Promise<Hit[]> {
    signal.throwIfAborted()
    const hashes = [...new Set(terms)]
    if (hashes.length === 0) return []
    const postings = await this.#loaded(source, await source.version())
    signal.throwIfAborted()
    const scores = await postings.scores(hashes, signal)
    const { accept } = options
    if (accept) {
      for (let chunk = 0; chunk < scores.length; chunk += 1) {
        if (scores[chunk] !== -Infinity && !accept(postings.chunkIds[chunk] ?? '')) scores[chunk] = -Infinity
      }
    }
    return topHits(postings.chunkIds, scores, options.limit)
  }

  forget(vector_store_id: string): void {
    this.#stores.delete(vector_store_id)
  }

  async #loaded(source: WordSource, version: number): Promise<Postings> {
    const id = source.vector_store_id
    const known = this.#stores.get(id)
    this.#stores.delete(id)
    if (known?.version === version) {
      this.#stores.set(id, known)
      return known
    }
    const key = `${id} ${version}`
    const loading =
      this.#loading.get(key) ?? this.#load(source, version).finally(() => this.#loading.delete(key))
    this.#loading.set(key, loading)
    return loading
  }

  async #load(source: WordSource, version: number): Promise<Postings> {
    const pages: { chunk_id: string; terms: Uint8Array }[][] = []
    for await (const page of source.terms()) pages.push(page)
    const postings = await buildPostings(pages, version)
    this.#stores.set(source.vector_store_id, postings)
    let bytes = this.bytes
    for (const [id, store] of this.#stores) {
      if (bytes <= this.#budgetBytes) break
      this.#stores.delete(id)
      bytes -= store.bytes
    }
    return postings
  }
}

/** Which chunks hold a term, and how often; terms are known by their hash only. */
class Postings {
  readonly version: number
  readonly chunkIds: string[]
  readonly #terms: TermTable
  /** The postings of term t lie from `starts[t]` to `starts[t + 1]`. */
  readonly #starts: Uint32Array
  readonly #chunks: Uint32Array
  readonly #counts: Uint8Array
  readonly #lengths: Float32Array

  constructor(version: number, chunkIds: string[], built: Built) {
    this.version = version
    this.chunkIds = chunkIds
    this.#terms = built.terms
    this.#starts = built.starts
    this.#chunks = built.chunks
    this.#counts = built.counts
    this.#lengths = built.lengths
  }

  get bytes(): number {
    const arrays = [this.#starts, this.#chunks, this.#counts, this.#lengths]
    // A chunk id is about 32 characters.
    return arrays.reduce(
      (sum, array) => sum + array.byteLength,
      this.#terms.bytes + this.chunkIds.length * 48,
    )
  }

  /** A score for each chunk, -Infinity for those without a word of the query. */
  async scores(hashes: number[], signal: AbortSignal): Promise<Float32Array> {
    const total = this.chunkIds.length
    const scores = new Float32Array(total).fill(-Infinity)
    const covered = new Float32Array(total)
    const mean = this.#lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, total)
    let whole = 0
    let done = 0
    for (const hash of hashes) {
      const [from, to] = this.#range(hash)
      const rarity = Math.log(1 + (total - (to - from) + 0.5) / (to - from + 0.5))
      whole += rarity
      this.#addTerm({ scores, covered }, { from, to, rarity, mean })
      done += to - from
      if (done < turnPostings) continue
      done = 0
      await turn()
      signal.throwIfAborted()
    }
    const bound = whole * (repetition + 1)
    for (let chunk = 0; chunk < total; chunk += 1) {
      if (scores[chunk] === -Infinity) continue
      scores[chunk] = (((scores[chunk] ?? 0) / bound) * (covered[chunk] ?? 0)) / whole
    }
    return scores
  }

  #range(hash: number): [from: number, to: number] {
    const term = this.#terms.find(hash)
    return term < 0 ? [0, 0] : [this.#starts[term] ?? 0, this.#starts[term + 1] ?? 0]
  }

  #addTerm(
    { scores, covered }: { scores: Float32Array; covered: Float32Array },
    term: { from: number; to: number; rarity: number; mean: number },
  ): void {
    for (let at = term.from; at < term.to; at += 1) {
      const chunk = this.#chunks[at] ?? 0
      const count = this.#counts[at] ?? 0
      const length = 1 - lengthWeight + (lengthWeight * (this.#lengths[chunk] ?? 0)) / term.mean
      const score = (term.rarity * count * (repetition + 1)) / (count + repetition * length)
      const before = scores[chunk] ?? 0
      scores[chunk] = before === -Infinity ? score : before + score
      covered[chunk] = (covered[chunk] ?? 0) + term.rarity
    }
  }
}

interface Built {
  terms: TermTable
  starts: Uint32Array
  chunks: Uint32Array
  counts: Uint8Array
  lengths: Float32Array
}

async function buildPostings(
  pages: { chunk_id: string; terms: Uint8Array }[][],
  version: number,
): Promise<Postings> {
  const chunkIds = pages.flatMap((page) => page.map(({ chunk_id }) => chunk_id))
  const terms = new TermTable()
  const lengths = new Float32Array(chunkIds.length)
  let chunk = 0
  for (const page of pages) {
    for (const row of page) {
      eachTerm(row.terms, (hash, count) => {
        terms.count(hash)
        lengths[chunk] = (lengths[chunk] ?? 0) + count
      })
      chunk += 1
    }
    await turn()
  }
  const starts = terms.starts()
  const next = starts.slice()
  const total = starts.at(-1) ?? 0
  const built: Built = {
    terms,
    starts,
    lengths,
    chunks: new Uint32Array(total),
    counts: new Uint8Array(total),
  }
  chunk = 0
  for (const page of pages) {
    for (const row of page) {
      const number = chunk
      eachTerm(row.terms, (hash, count) => {
        const term = terms.find(hash)
        const place = next[term] ?? 0
        next[term] = place + 1
        built.chunks[place] = number
        built.counts[place] = count
      })
      chunk += 1
    }
    await turn()
  }
  return new Postings(version, chunkIds, built)
}

/** Numbers hashes in the order in which they come; a Map of a million numbers would take ten times the memory. */
class TermTable {
  #size = 0
  /** Open addressing: 0 is an empty place, else the term's number plus one. */
  #places = new Uint32Array(1024)
  #hashes = new Uint32Array(512)
  #counts = new Uint32Array(512)

  get bytes(): number {
    return this.#places.byteLength + this.#hashes.byteLength + this.#counts.byteLength
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

  /** Where the postings of each term begin, and one more number for the end. */
  starts(): Uint32Array {
    const starts = new Uint32Array(this.#size + 1)
    for (let term = 0; term < this.#size; term += 1) {
      starts[term + 1] = (starts[term] ?? 0) + (this.#counts[term] ?? 0)
    }
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
