/** How well words, vectors and both together find the one right passage. */
import { BuiltinEmbedder } from '../../src/embedders/builtin/builtin-embedder.ts'
import { ExactIndex } from '../../src/search/exact-index.ts'
import type { IndexedWindow } from '../../src/search/port.ts'
import { alphaFor, fuseScores } from '../../src/search/rank.ts'
import { packTerms, termsOf } from '../../src/documents/index.ts'
import { WordIndex } from '../../src/search/word-index.ts'
import { cutWindows } from '../../src/ingest/windows.ts'
import { distractors, seededRandom } from './distractors.ts'
import { passages } from './passages.ts'

export interface Corpus {
  name: string
  texts: string[]
  /** Number of the text that holds each passage. */
  homes: number[]
}

/** Every passage a chunk of its own among the distractors. */
export function shortCorpus(count: number): Corpus {
  return {
    name: `passages of 45 words, ${count} distractors`,
    texts: [...passages.map(({ text }) => text), ...distractors(count)],
    homes: passages.map((_, index) => index),
  }
}

/** Every passage somewhere in the middle of a chunk of about 500 words of other things. */
export function longCorpus(count: number): Corpus {
  const random = seededRandom(3)
  const filler = distractors((passages.length + count) * 7, 11)
  const take = () => filler.splice(0, 7)
  const homes = passages.map((_, index) => index)
  const texts = passages.map(({ text }) => {
    const parts = take()
    parts.splice(1 + Math.floor(random() * 5), 0, text)
    return parts.join('\n\n')
  })
  for (let at = 0; at < count; at += 1) texts.push(take().join('\n\n'))
  return { name: `passages inside chunks of 500 words, ${count} distractors`, texts, homes }
}

export const kinds = ['paraphrase', 'question', 'key words', 'fragment'] as const
export type Kind = (typeof kinds)[number]

/** Paraphrases and questions are written; key words and fragments are made by script and favour words by construction. */
export function queries(kind: Kind): string[] {
  if (kind === 'paraphrase' || kind === 'question') return passages.map((passage) => passage[kind])
  const random = seededRandom(5)
  const counts = new Map<string, number>()
  for (const { text } of passages)
    for (const term of new Set(termsOf(text))) counts.set(term, (counts.get(term) ?? 0) + 1)
  return passages.map(({ text }) => {
    const words = text.split(/\s+/)
    if (kind === 'fragment') {
      const at = Math.floor(random() * (words.length - 9))
      return words.slice(at, at + 9).join(' ')
    }
    const rare = words
      .map((word) => word.replace(/[^\p{L}\p{N}-]/gu, ''))
      .filter((word) => word.length > 4 && termsOf(word).every((term) => counts.get(term) === 1))
    return [0, 1, 2].map(() => rare.splice(Math.floor(random() * rare.length), 1)[0] ?? '').join(' ')
  })
}

export interface Quality {
  recall1: number
  recall5: number
  ndcg10: number
}

function measure(ranks: number[]): Quality {
  const share = (count: number) => (100 * ranks.filter((rank) => rank <= count).length) / ranks.length
  const gain = ranks.reduce((sum, rank) => sum + (rank <= 10 ? 1 / Math.log2(rank + 1) : 0), 0)
  return { recall1: share(1), recall5: share(5), ndcg10: gain / ranks.length }
}

function rankOf(scores: ReadonlyMap<string, number>, id: string): number {
  const own = scores.get(id)
  if (own === undefined) return Infinity
  return 1 + [...scores.values()].filter((score) => score > own).length
}

const never = new AbortController().signal

export type Row = { corpus: string; kind: Kind | 'all'; method: string } & Quality

/** What is found for one query, by each of the two ways; all chunks, with their scores. */
interface Found {
  kind: Kind
  home: string
  cosines: ReadonlyMap<string, number>
  words: ReadonlyMap<string, number>
}

/** One row for each kind of query and method; `alphas` adds a row for each further mixture. */
export async function measureQuality(corpus: Corpus, alphas: number[] = []): Promise<Row[]> {
  const embedder = new BuiltinEmbedder()
  const found = await searchAll(corpus, embedder)
  await embedder.close()
  const methods: [string, (one: Found) => ReadonlyMap<string, number>][] = [
    ['words', ({ words }) => words],
    ['vectors', ({ cosines }) => cosines],
    ...[alphaFor(embedder.id, ''), ...alphas].map((alpha): [string, (one: Found) => Map<string, number>] => [
      `fused ${alpha}`,
      ({ cosines, words }) => fuseScores(cosines, words, alpha),
    ]),
  ]
  return [...kinds, 'all' as const].flatMap((kind) => {
    const own = found.filter((one) => kind === 'all' || one.kind === kind)
    return methods.map(([method, scoresOf]) => {
      const ranks = own.map((one) => rankOf(scoresOf(one), one.home))
      return { corpus: corpus.name, kind, method, ...measure(ranks) }
    })
  })
}

async function searchAll(corpus: Corpus, embedder: BuiltinEmbedder): Promise<Found[]> {
  const ids = corpus.texts.map((_, index) => `chunk_${index}`)
  const windows = await embedWindows(corpus, ids, embedder)
  const vectorSource = {
    vector_store_id: 'vs',
    dimensions: embedder.dimensions,
    version: async () => 1,
    parts: async () => [{ part: 'all', stamp: 1 }],
    async *windows() {
      yield windows
    },
  }
  const wordSource = {
    vector_store_id: 'vs',
    version: async () => 1,
    parts: async () => [{ part: 'all', stamp: 1 }],
    async *terms() {
      yield corpus.texts.map((text, index) => ({
        part: 'all',
        chunk_id: ids[index] ?? '',
        terms: packTerms(text),
      }))
    },
  }
  const [vectorIndex, wordIndex] = [
    new ExactIndex({ budgetBytes: 1 << 30 }),
    new WordIndex({ budgetBytes: 1 << 30 }),
  ]
  const found: Found[] = []
  for (const kind of kinds) {
    const asked = queries(kind)
    const vectors = await embedder.embed(asked, 'query', never)
    for (const [index, query] of asked.entries()) {
      const all = { limit: ids.length }
      const vector = vectors[index] ?? new Float32Array()
      const cosines = scoresOf(await vectorIndex.search(vectorSource, vector, all, never))
      const words = scoresOf(await wordIndex.search(wordSource, query, all, never))
      found.push({ kind, home: ids[corpus.homes[index] ?? 0] ?? '', cosines, words })
    }
  }
  return found
}

async function embedWindows(
  corpus: Corpus,
  ids: string[],
  embedder: BuiltinEmbedder,
): Promise<IndexedWindow[]> {
  const pending = corpus.texts.flatMap((text, index) =>
    cutWindows([{ text, start: 0, end: text.length }], embedder).map((window) => ({
      chunk_id: ids[index] ?? '',
      text: window.text,
    })),
  )
  const texts = pending.map(({ text }) => text)
  const vectors = await embedder.embed(texts, 'passage', never)
  return pending.map(({ chunk_id }, at) => ({
    part: 'all',
    chunk_id,
    vector: vectors[at] ?? new Float32Array(),
  }))
}

function scoresOf(hits: { chunk_id: string; score: number }[]): Map<string, number> {
  return new Map(hits.map(({ chunk_id, score }) => [chunk_id, score]))
}
