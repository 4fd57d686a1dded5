/**
 * The index of words: BM25 over all chunks of a store, in memory, made of the terms in its rows. When the rows have
 * changed, only the parts that are new are read. A chunk that holds any word of the query is found.
 */
import { setImmediate as turn } from 'node:timers/promises'
import {
  bytesPerChunk,
  emptyTable,
  isLive,
  TableWriter,
  withoutGone,
  type ChunkTable,
} from './chunk-table.ts'
import { mostScore, rareWords, wordScore, wordWeight, type AskedWord } from './bm25.ts'
import { HeldStores, type Held } from './held-stores.ts'
import type { WordHits, WordQuery, WordSource } from './port.ts'
import { buildPostings, type Postings, type TermRow } from './postings.ts'
import { hashTerm, Languages, packedLanguage, plainLanguage, queryTerms } from '../documents/index.ts'
import { topHits } from './top-hits.ts'
import { searchWordRows } from './word-rows.ts'

/** Other work of the process gets a turn after so many postings: about a millisecond. */
const turnPostings = 100_000
/** A segment with fewer chunks is built again together with new chunks. A larger one stays as it is. */
const fullSegment = 4096

/** Consecutive chunks, from number `first` on. */
interface Segment {
  first: number
  postings: Postings
  /** Kept while the segment may still grow. */
  rows: TermRow[] | undefined
}

interface Loaded extends Held {
  table: ChunkTable
  /** Undefined for a store that does not fit into the budget. */
  segments: Segment[] | undefined
  /** Of its chunks, those of removed parts included. */
  languages: ReadonlySet<string>
}

export class WordIndex {
  readonly #held: HeldStores<Loaded>
  readonly #languages: Languages

  constructor(options: { budgetBytes: number; languages?: Languages }) {
    this.#held = new HeldStores(options.budgetBytes)
    this.#languages = options.languages ?? new Languages()
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#held.bytes
  }

  /**
   * The `limit` best chunks for the words of the query, best first, of those that `accept` lets pass. Scores are
   * between 0 and 1: BM25 as a share of the most that the query could reach. A word that the query repeats counts as
   * often. Words that no chunk holds count in the share, so a chance match of one word of many is weak.
   */
  async search(
    source: WordSource,
    query: WordQuery,
    options: { limit: number; accept?: (chunk_id: string) => boolean },
    signal: AbortSignal,
  ): Promise<WordHits> {
    signal.throwIfAborted()
    const version = await source.version()
    const loaded = await this.#held.get(source.vector_store_id, version, (known) =>
      this.#load(source, version, known),
    )
    signal.throwIfAborted()
    const asked = await this.#askedWords(query, loaded.languages)
    if (!loaded.segments) return searchWordRows(source, asked, options, signal)
    const { scores, weights } = await scoreChunks(loaded.table, loaded.segments, { asked, signal })
    const { accept } = options
    const { ids } = loaded.table
    if (accept) {
      for (let chunk = 0; chunk < scores.length; chunk += 1) {
        if (scores[chunk] !== -Infinity && !accept(ids[chunk] ?? '')) scores[chunk] = -Infinity
      }
    }
    return { hits: topHits(ids, scores, options.limit), rareWords: rareWords(weights, loaded.table.live) }
  }

  forget(vector_store_id: string): void {
    this.#held.forget(vector_store_id)
  }

  async #askedWords({ text, language }: WordQuery, codes: ReadonlySet<string>): Promise<AskedWord[]> {
    const languages = await Promise.all([...codes].map((code) => this.#languages.load(code)))
    const own = language === undefined ? plainLanguage : await this.#languages.load(language)
    const asked = new Map<string, AskedWord>()
    for (const forms of queryTerms(text, languages, own)) {
      const key = forms.join(' ')
      const known = asked.get(key)
      if (known) known.times += 1
      else asked.set(key, { hashes: forms.map(hashTerm), times: 1 })
    }
    return [...asked.values()]
  }

  /** Of a store that does not fit into the budget only its languages are kept, and memory never holds much more. */
  async #load(source: WordSource, version: number, known: Loaded | undefined): Promise<Loaded> {
    const { table, fresh } = withoutGone(known?.table ?? emptyTable, await source.parts())
    const segments = table === emptyTable ? [] : [...(known?.segments ?? [])]
    const writer = new TableWriter(table, fresh)
    const open = segments.at(-1)?.rows ? segments.pop() : undefined
    const languages = new Set(table === emptyTable ? [] : known?.languages)
    let [first, rows] = [open?.first ?? writer.length, open?.rows?.slice() ?? []]
    let isTooLarge = false
    const bytes = () =>
      segments.reduce((sum, segment) => sum + sizeOf(segment), rowBytes(rows) + writer.length * bytesPerChunk)
    const names = fresh.map(({ part }) => part)
    for await (const page of names.length > 0 ? source.terms(names) : []) {
      for (const { terms } of page) languages.add(packedLanguage(terms))
      if (isTooLarge) continue
      for (const row of page) {
        writer.numberOf(row.part, row.chunk_id)
        rows.push({ terms: row.terms })
      }
      if (rows.length < fullSegment) continue
      segments.push({ first, postings: await buildPostings(rows), rows: undefined })
      ;[first, rows] = [writer.length, []]
      isTooLarge = bytes() > this.#held.budgetBytes
      if (isTooLarge) segments.length = 0
    }
    if (open && open.rows?.length === rows.length) segments.push(open)
    else if (rows.length > 0) segments.push({ first, postings: await buildPostings(rows), rows })
    rows = []
    if (isTooLarge || bytes() > this.#held.budgetBytes) {
      return { version, table: emptyTable, segments: undefined, languages, bytes: 0 }
    }
    return { version, table: writer.finish(), segments, languages, bytes: bytes() }
  }
}

function sizeOf({ postings, rows = [] }: Segment): number {
  return postings.bytes + rowBytes(rows)
}

function rowBytes(rows: readonly TermRow[]): number {
  return rows.reduce((sum, { terms }) => sum + terms.byteLength, 0)
}

/**
 * The weight of each word, and a score for each chunk; -Infinity for chunks without a word of the query and those of
 * parts that were removed.
 */
async function scoreChunks(
  table: ChunkTable,
  segments: readonly Segment[],
  { asked, signal }: { asked: readonly AskedWord[]; signal: AbortSignal },
): Promise<{ scores: Float32Array; weights: number[] }> {
  const scores = new Float32Array(table.ids.length).fill(-Infinity)
  const mean = meanLength(table, segments)
  const weights: number[] = []
  let done = 0
  for (const word of asked) {
    // The terms of a word count as one term: how rare it is does not depend on the language of a chunk.
    const holders = word.hashes.reduce((sum, hash) => sum + countHolders(table, segments, hash), 0)
    const weight = wordWeight(word, holders, table.live)
    weights.push(weight)
    for (const hash of word.hashes) {
      for (const segment of segments) addTerm(scores, segment, { hash, weight, mean })
    }
    done += holders
    if (done < turnPostings) continue
    done = 0
    await turn()
    signal.throwIfAborted()
  }
  const most = mostScore(weights)
  for (let chunk = 0; chunk < scores.length; chunk += 1) {
    if (scores[chunk] === -Infinity) continue
    scores[chunk] = isLive(table, chunk) ? Math.min(1, (scores[chunk] ?? 0) / most) : -Infinity
  }
  return { scores, weights }
}

function meanLength(table: ChunkTable, segments: readonly Segment[]): number {
  const isWhole = table.live === table.ids.length
  let sum = 0
  for (const { first, postings } of segments) {
    for (const [at, length] of postings.lengths.entries()) {
      if (isWhole || isLive(table, first + at)) sum += length
    }
  }
  return sum / Math.max(1, table.live)
}

/** Chunks of removed parts do not count, so that scores are those of a new index. */
function countHolders(table: ChunkTable, segments: readonly Segment[], hash: number): number {
  let holders = 0
  for (const { first, postings } of segments) {
    if (table.live === table.ids.length) holders += postings.count(hash)
    else postings.each(hash, (chunk) => (holders += Number(isLive(table, first + chunk))))
  }
  return holders
}

function addTerm(
  scores: Float32Array,
  { first, postings }: Segment,
  term: { hash: number; weight: number; mean: number },
): void {
  postings.each(term.hash, (at, count) => {
    const chunk = first + at
    const score = wordScore(term.weight, count, (postings.lengths[at] ?? 0) / term.mean)
    const before = scores[chunk] ?? 0
    scores[chunk] = before === -Infinity ? score : before + score
  })
}
