/**
 * The index of words: BM25 over all chunks of a store. Most chunks of a large store are in segments, of which a search reads
 * the pages with its words. The others are held in memory, made of the terms in their rows; when the rows have changed, only
 * the parts that are new are read. A chunk that holds any word of the query is found.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { isLive, type ChunkTable } from './chunk-table.ts'
import { mostScore, rareWords, wordScore, wordWeight, type AskedWord } from './bm25.ts'
import { HeldStores } from './held-stores.ts'
import { loadWords, type LoadedWords } from './loaded-words.ts'
import type { WordHits, WordQuery, WordSource } from './word-source.ts'
import type { TermPostings } from './postings.ts'
import { segmentChunks, withCurrentSegments } from './segments.ts'
import { hashTerm, Languages, plainLanguage, queryTerms } from '../documents/index.ts'
import { topHits } from './top-hits.ts'
import { readPostings } from './word-segments.ts'

/** Other work of the process gets a turn after so many postings: about a millisecond. */
const turnPostings = 100_000
/** Consecutive chunks and the postings of some terms. */
interface Searched {
  first: number
  postings: TermPostings
}

export class WordIndex {
  readonly #held: HeldStores<LoadedWords>
  readonly #languages: Languages
  readonly #segmentChunks: number

  constructor(options: { budgetBytes: number; languages?: Languages; segmentChunks?: number }) {
    this.#held = new HeldStores(options.budgetBytes)
    this.#languages = options.languages ?? new Languages()
    this.#segmentChunks = options.segmentChunks ?? segmentChunks
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
    const { loaded, asked, searched } = await withCurrentSegments(
      () => this.#open(source, query, signal),
      () => this.forget(source.vector_store_id),
    )
    const { scores, weights } = await scoreChunks(loaded, searched, { asked, signal })
    const { accept } = options
    const { ids } = loaded.table
    if (accept) {
      for (let chunk = 0; chunk < scores.length; chunk += 1) {
        if (scores[chunk] !== -Infinity && !accept(ids[chunk] ?? '')) scores[chunk] = -Infinity
      }
    }
    return { hits: topHits(ids, scores, options.limit), rareWords: rareWords(weights, loaded.table.live) }
  }

  /** The store as it is now, the words of the query in its languages, and their postings. Throws `SegmentsChanged`. */
  async #open(
    source: WordSource,
    query: WordQuery,
    signal: AbortSignal,
  ): Promise<{ loaded: LoadedWords; asked: AskedWord[]; searched: Searched[] }> {
    const version = await source.version()
    const size = this.#segmentChunks
    const loaded = await this.#held.get(source.vector_store_id, version, (known) =>
      loadWords(source, { version, known, size }),
    )
    signal.throwIfAborted()
    const asked = await this.#askedWords(query, loaded.languages)
    const hashes = asked.flatMap((word) => word.hashes)
    const postings = await readPostings(source, loaded.stored, hashes)
    signal.throwIfAborted()
    const stored = loaded.stored.flatMap(({ first, id }) => {
      const found = postings.get(id)
      return found ? { first, postings: found } : []
    })
    return { loaded, asked, searched: [...stored, ...loaded.blocks] }
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
}

/**
 * The weight of each word, and a score for each chunk; -Infinity for chunks without a word of the query and those of
 * parts that were removed.
 */
async function scoreChunks(
  { table, meanLength }: LoadedWords,
  searched: readonly Searched[],
  { asked, signal }: { asked: readonly AskedWord[]; signal: AbortSignal },
): Promise<{ scores: Float32Array; weights: number[] }> {
  const scores = new Float32Array(table.ids.length).fill(-Infinity)
  const weights: number[] = []
  let done = 0
  for (const word of asked) {
    // The terms of a word count as one term: how rare it is does not depend on the language of a chunk.
    const holders = word.hashes.reduce((sum, hash) => sum + countHolders(table, searched, hash), 0)
    const weight = wordWeight(word, holders, table.live)
    weights.push(weight)
    for (const hash of word.hashes) {
      for (const some of searched) addTerm(scores, some, { hash, weight, mean: meanLength })
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

/** Chunks of removed parts do not count, so that scores are those of a new index. */
function countHolders(table: ChunkTable, searched: readonly Searched[], hash: number): number {
  let holders = 0
  for (const { first, postings } of searched) {
    if (table.live === table.ids.length) holders += postings.count(hash)
    else postings.each(hash, (chunk) => (holders += Number(isLive(table, first + chunk))))
  }
  return holders
}

function addTerm(
  scores: Float32Array,
  { first, postings }: Searched,
  term: { hash: number; weight: number; mean: number },
): void {
  postings.each(term.hash, (at, count) => {
    const chunk = first + at
    const score = wordScore(term.weight, count, (postings.lengths[at] ?? 0) / term.mean)
    const before = scores[chunk] ?? 0
    scores[chunk] = before === -Infinity ? score : before + score
  })
}
