/** Scores of texts for queries by vectors and by words, the two legs of a search. */
import { Languages, TermPacker } from '../../src/documents/index.ts'
import type { Embedder } from '../../src/embedders/port.ts'
import { cutWindows } from '../../src/ingest/windows.ts'
import { ScanIndex } from '../../src/search/scan-index.ts'
import { fuseScores, rootScores, usualWeight, type Asked, type Scores } from '../../src/search/rank.ts'
import type { Hit } from '../../src/search/top-hits.ts'
import { poolSize } from '../../src/search/search.ts'
import { WordIndex } from '../../src/search/word-index.ts'
import { memorySegments } from '../../test/harness/segments.ts'

/** Scores by the id of a text, `text_` and its number. A text without any word of the query has no score by words. */
export interface Legs {
  meaning: Scores
  words: Scores
  asked: Asked
  /** The share of the 10 nearest texts by exact cosines that the index has among its 10 best. */
  recall10: number
}

export type Embed = (texts: string[], purpose: 'query' | 'passage') => Promise<Float32Array[]>

export const textId = (number: number) => `text_${number}`

const never = new AbortController().signal

/** Scores all texts, for each query in turn. */
export async function scoreTexts(
  texts: string[],
  queries: string[],
  { embedder, embed }: { embedder: Embedder; embed: Embed },
): Promise<Legs[]> {
  const windows = texts.flatMap((text, number) =>
    cutWindows([{ text, start: 0, end: text.length }], embedder).map((window) => ({
      position: number,
      text: window.text,
    })),
  )
  const passages = await embed(
    windows.map(({ text }) => text),
    'passage',
  )
  const asked = await embed(queries, 'query')
  const languages = new Languages()
  const packer = new TermPacker(languages)
  const terms = await Promise.all(texts.map((text) => packer.pack(text)))
  const source = {
    vector_store_id: 'vs',
    dimensions: embedder.dimensions,
    version: async () => 1,
    parts: async () => [{ part: 1, stamp: 1, chunks: texts.length }],
    async *windows() {
      yield windows.map(({ position }, at) => ({ part: 1, position, vector: rowOf(passages, at) }))
    },
    async *terms() {
      yield terms.map((packed, position) => ({ part: 1, position, terms: packed }))
    },
    chunkId: (_: number, position: number) => textId(position),
    segments: memorySegments(),
  }
  const vectorRows = { ...source, segments: memorySegments() }
  const vectorIndex = new ScanIndex({ budgetBytes: 1 << 30 })
  const wordIndex = new WordIndex({ budgetBytes: 1 << 30 })
  const all = { limit: texts.length }
  const found: Legs[] = []
  for (const [at, text] of queries.entries()) {
    const language = await languages.detect(text)
    const { hits, rareWords } = await wordIndex.search(source, { text, language }, all, never)
    const { hits: nearest } = await vectorIndex.search(vectorRows, rowOf(asked, at), all, never)
    const exact = exactTop10(rowOf(asked, at), { windows, passages })
    const best = nearest.slice(0, 10).filter(({ chunk_id }) => exact.includes(chunk_id))
    found.push({
      meaning: scoresOf(nearest),
      recall10: best.length / exact.length,
      words: scoresOf(hits),
      asked: { weight: usualWeight(text, embedder.id, language), rareWords },
    })
  }
  return found
}

/** Fuses the scores as a search does: only the best of each leg are candidates. */
export function fused({ meaning, words, asked }: Legs): Scores {
  const candidates = new Set([...meaning.keys()].slice(0, poolSize))
  for (const id of [...words.keys()].slice(0, poolSize)) candidates.add(id)
  const among = (scores: Scores) => new Map([...scores].filter(([id]) => candidates.has(id)))
  return fuseScores(among(meaning), rootScores(among(words)), asked)
}

function exactTop10(
  query: Float32Array,
  { windows, passages }: { windows: { position: number }[]; passages: Float32Array[] },
): string[] {
  const cosines = new Map<string, number>()
  for (const [at, { position }] of windows.entries()) {
    const chunk_id = textId(position)
    const cosine = rowOf(passages, at).reduce((sum, value, place) => sum + value * (query[place] ?? 0), 0)
    cosines.set(chunk_id, Math.max(cosine, cosines.get(chunk_id) ?? -Infinity))
  }
  const sorted = [...cosines].toSorted(([one, a], [other, b]) => b - a || (one < other ? -1 : 1))
  return sorted.slice(0, 10).map(([id]) => id)
}

function rowOf(vectors: Float32Array[], at: number): Float32Array {
  return vectors[at] ?? new Float32Array()
}

function scoresOf(hits: Hit[]): Scores {
  return new Map(hits.map(({ chunk_id, score }) => [chunk_id, score]))
}
