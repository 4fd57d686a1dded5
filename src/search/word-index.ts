/**
 * The index of words: BM25 over all chunks of a store. Most chunks of a large store are in segments, of which a search reads
 * the pages with its words. The others are held in memory, made of the terms in their rows; when the rows have changed, only
 * the parts that are new are read. A chunk that holds any word of the query is found.
 */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { hashTerm, Languages, plainLanguage, queryTerms } from '../documents/index.ts'
import { mostScore, rareWords, wordScore, wordWeight, type AskedWord } from './bm25.ts'
import type { ChunkTable } from './chunk-table.ts'
import { HeldStores } from './held-stores.ts'
import { loadStore, mostRows, type LoadedStore, type LotReader } from './lots.ts'
import type { SearchOptions } from './port.ts'
import type { TermPostings } from './postings.ts'
import { withCurrentSegments } from './segments.ts'
import { topHits } from './top-hits.ts'
import { bytesOfWords, openWords, readPostings, readWords, type LotWords } from './word-segments.ts'
import type { WordHits, WordQuery, WordSource } from './word-source.ts'

/** After so many postings, which take about a millisecond, other work of the process gets a turn. */
const turnPostings = 100_000

interface Loaded extends LoadedStore<LotWords> {
  /** Of the chunks that can be found, in terms. */
  meanLength: number
  languages: ReadonlySet<string>
}

/** Consecutive chunks and the postings of some terms. */
interface Searched {
  first: number
  postings: TermPostings
}

export class WordIndex {
  readonly #held: HeldStores<Loaded>
  readonly #languages: Languages
  readonly #mostRows: number

  constructor(options: { budgetBytes: number; languages?: Languages; mostRows?: number }) {
    this.#held = new HeldStores(options.budgetBytes)
    this.#languages = options.languages ?? new Languages()
    this.#mostRows = options.mostRows ?? mostRows
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#held.bytes
  }

  /**
   * The `limit` best chunks for the words of the query. Scores are between 0 and 1: BM25 as a share of the most that the
   * query could reach. A word that the query repeats counts as often. Words that no chunk holds count in the share, so a
   * chance match of one word of many is weak.
   */
  async search(
    source: WordSource,
    query: WordQuery,
    options: SearchOptions,
    signal: AbortSignal,
  ): Promise<WordHits> {
    const { loaded, asked, searched } = await withCurrentSegments(
      () => this.#open(source, query, signal),
      () => this.#held.outdate(source.vector_store_id),
    )
    const { scores, weights } = await scoreChunks(loaded, searched, { asked, signal })
    const most = mostScore(weights)
    const top = await topHits(loaded.table, scores, options)
    const hits = top.map(({ part, position, score }) => ({
      chunk_id: source.chunkId(part, position),
      score: Math.min(1, score / most),
    }))
    return { hits, rareWords: rareWords(weights, loaded.table.live), missing: loaded.missing }
  }

  forget(vector_store_id: string): void {
    this.#held.forget(vector_store_id)
  }

  /** The store as it is now, the words of the query in its languages, and their postings. Throws `SegmentsChanged`. */
  async #open(
    source: WordSource,
    query: WordQuery,
    signal: AbortSignal,
  ): Promise<{ loaded: Loaded; asked: AskedWord[]; searched: Searched[] }> {
    signal.throwIfAborted()
    const version = await source.version()
    const loaded = await this.#held.get(source.vector_store_id, version, (known) =>
      this.#load(source, version, known),
    )
    signal.throwIfAborted()
    const asked = await this.#askedWords(query, loaded.languages)
    const ids = loaded.lots.flatMap(({ segment }) => segment ?? [])
    const stored = await readPostings(
      source,
      ids,
      asked.flatMap((word) => word.hashes),
    )
    signal.throwIfAborted()
    const searched = loaded.lots.map(({ first, segment, data }) => ({
      first,
      postings: data.postings ?? stored(segment, data.lengths),
    }))
    return { loaded, asked, searched }
  }

  async #load(source: WordSource, version: number, known: Loaded | undefined): Promise<Loaded> {
    const reader: LotReader<LotWords> = {
      open: (segment) => openWords(source, segment),
      read: (parts) => readWords(source, parts),
      bytes: bytesOfWords,
      isOutdated: ({ isOutdated }) => isOutdated,
    }
    const limits = { mostRows: this.#mostRows, budgetBytes: this.#held.budgetBytes }
    const loaded = await loadStore(source, { version, known, ...limits }, reader)
    const languages = new Set(loaded.lots.flatMap(({ data }) => data.languages))
    return { ...loaded, languages, meanLength: meanLength(loaded) }
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
}

function meanLength({ table, lots }: LoadedStore<LotWords>): number {
  let sum = 0
  for (const { first, data } of lots) {
    for (let at = 0; at < data.lengths.length; at += 1) {
      if (isLive(table, first + at)) sum += data.lengths[at] ?? 0
    }
  }
  return sum / Math.max(1, table.live)
}

function isLive({ alive }: ChunkTable, chunk: number): boolean {
  return alive === undefined || alive[chunk] === 1
}

/** The weight of each word, and a score for each chunk; -Infinity for chunks without a word of the query. */
async function scoreChunks(
  { table, meanLength: mean }: Loaded,
  searched: readonly Searched[],
  { asked, signal }: { asked: readonly AskedWord[]; signal: AbortSignal },
): Promise<{ scores: Float32Array; weights: number[] }> {
  const scores = new Float32Array(table.length).fill(-Infinity)
  const weights: number[] = []
  let done = 0
  const giveTurn = async (postings: number) => {
    done += postings
    if (done < turnPostings) return
    done = 0
    await nextTurnOfLoop()
    signal.throwIfAborted()
  }
  for (const word of asked) {
    // The terms of a word count as one term: how rare it is does not depend on the language of a chunk.
    let holders = 0
    for (const some of searched) {
      const found = word.hashes.reduce((sum, hash) => sum + countHolders(table, some, hash), 0)
      holders += found
      await giveTurn(found)
    }
    const weight = wordWeight(word, holders, table.live)
    weights.push(weight)
    for (const some of searched) {
      let scored = 0
      for (const hash of word.hashes) scored += addTerm(scores, some, { hash, weight, mean })
      await giveTurn(scored)
    }
  }
  return { scores, weights }
}

/** Chunks of removed parts do not count, so that scores are those of a new index. */
function countHolders(table: ChunkTable, { first, postings }: Searched, hash: number): number {
  if (table.alive === undefined) return postings.count(hash)
  let holders = 0
  postings.each(hash, (chunk) => (holders += Number(isLive(table, first + chunk))))
  return holders
}

/** Returns how many chunks hold the term. */
function addTerm(
  scores: Float32Array,
  { first, postings }: Searched,
  term: { hash: number; weight: number; mean: number },
): number {
  let holders = 0
  postings.each(term.hash, (at, count) => {
    holders += 1
    const chunk = first + at
    const score = wordScore(term.weight, count, (postings.lengths[at] ?? 0) / term.mean)
    const before = scores[chunk] ?? 0
    scores[chunk] = before === -Infinity ? score : before + score
  })
  return holders
}
