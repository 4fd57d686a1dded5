/** Measures how fast files are ingested and how long a search takes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BuiltInEmbedder } from '../../src/embedders/built-in/built-in-embedder.ts'
import { ScanIndex } from '../../src/search/scan-index.ts'
import {
  defaultChunkSizes,
  defaultParseLimits,
  hashTerm,
  packCounts,
  ParseProcesses,
  readChunks,
  type StoredChunk,
} from '../../src/documents/index.ts'
import { WordIndex } from '../../src/search/word-index.ts'
import { cutWindows } from '../../src/ingest/windows.ts'
import { pdf } from '../../test/documents/make-files.ts'
import { distractors, seededRandom } from './distractors.ts'
import { passages } from './passages.ts'
import { memorySegments } from '../../test/harness/segments.ts'

const never = new AbortController().signal

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now()
  const result = await work()
  return { ms: performance.now() - start, result }
}

export interface IngestSpeed {
  pages: number
  chunks: number
  windows: number
  extractMs: number
  chunkMs: number
  /** Processor time of all windows with one thread, computed from the windows that were embedded here. */
  embedMs: number
}

/** Processor time of this process: unlike the clock it hardly changes when the machine is busy. */
async function processorMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** A PDF of `pages` pages of 500 words, through one parser process and one embedder thread. */
export async function measureIngest(pages: number, embedded: number): Promise<IngestSpeed> {
  const folder = await mkdtemp(join(tmpdir(), 'spool-bench-'))
  const parsers = new ParseProcesses({ ...defaultParseLimits, processes: 1 })
  const embedder = new BuiltInEmbedder()
  try {
    const [input, sections, output] = ['in.pdf', 'sections', 'chunks'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(input, pdf(pagesOf(pages)))
    const extract = await timed(() =>
      parsers.run(
        {
          kind: 'extract',
          input,
          output: sections,
          format: 'pdf',
          maxCharacters: 64_000_000,
          inflateBytes: 1,
        },
        never,
      ),
    )
    const chunked = await timed(() =>
      parsers.run(
        { kind: 'chunk', input: sections, output, sizes: defaultChunkSizes, maxTokens: 5_000_000 },
        never,
      ),
    )
    const chunks: StoredChunk[] = []
    for await (const chunk of readChunks(output)) chunks.push(chunk)
    const windows = cutWindows(chunks, embedder).map(({ text }) => text)
    await embedder.embed(windows.slice(0, 2), 'passage', never)
    const part = windows.slice(0, embedded)
    const embedMs = await processorMs(() => embedder.embed(part, 'passage', never))
    return {
      pages,
      chunks: chunks.length,
      windows: windows.length,
      extractMs: extract.ms,
      chunkMs: chunked.ms,
      embedMs: (embedMs / part.length) * windows.length,
    }
  } finally {
    await Promise.all([parsers.close(), embedder.close()])
    await rm(folder, { recursive: true })
  }
}

/** Passages and distractors in lines of 12 words. */
export function pagesOf(pages: number): string[] {
  const words = [...passages.map(({ text }) => text), ...distractors(pages * 7, 23)].join(' ').split(' ')
  return Array.from({ length: pages }, (_, page) => {
    const own = Array.from({ length: 500 }, (_unused, at) => words[(page * 500 + at) % words.length] ?? '')
    const lines = Array.from({ length: 42 }, (_unused, at) => own.slice(at * 12, at * 12 + 12).join(' '))
    return lines.join('\n').replace(/[()\\]/g, '')
  })
}

export interface SearchSpeed {
  chunks: number
  what: string
  loadMs: number
  /** Processor time of one search. */
  cpuMs: number
  minMs: number
  p50Ms: number
  p95Ms: number
}

/** Vectors of one window a chunk, and words of 160 different terms a chunk, drawn at random. */
export async function measureSearch(chunks: number): Promise<SearchSpeed[]> {
  return [await measureVectors(chunks, 256), await measureVectors(chunks, 512), await measureWords(chunks)]
}

async function measureVectors(chunks: number, dimensions: number): Promise<SearchSpeed> {
  const random = seededRandom(chunks + dimensions)
  const matrix = Float32Array.from({ length: chunks * dimensions }, () => random() - 0.5)
  const row = (at: number) => matrix.subarray(at * dimensions, (at + 1) * dimensions)
  const index = new ScanIndex({ budgetBytes: 1 << 30, mostRows: chunks })
  const source = {
    vector_store_id: 'vs',
    dimensions,
    version: async () => 1,
    parts: async () => [{ part: 1, stamp: 1, chunks }],
    async *windows() {
      for (let at = 0; at < chunks; at += 1000) {
        yield Array.from({ length: Math.min(1000, chunks - at) }, (_, place) => ({
          part: 1,
          position: at + place,
          vector: row(at + place),
        }))
      }
    },
    chunkId: (_: number, position: number) => `chunk_${position}`,
    segments: memorySegments(),
  }
  return measureQueries({ chunks, what: `vectors of ${dimensions}` }, (at) =>
    index.search(source, row(at % chunks), { limit: 50 }, never),
  )
}

async function measureWords(chunks: number): Promise<SearchSpeed> {
  const random = seededRandom(chunks)
  const vocabulary = 60_000
  // Cubed, so that some words are in most chunks and most words in few, as in language.
  const word = () => `w${Math.floor(vocabulary * random() ** 3)}`
  const rows = Array.from({ length: chunks }, (_, at) => {
    const counts = new Map(Array.from({ length: 160 }, () => [hashTerm(word()), 1]))
    return { part: 1, position: at, terms: packCounts('en', counts) }
  })
  const index = new WordIndex({ budgetBytes: 1 << 30, mostRows: chunks })
  const source = {
    vector_store_id: 'vs',
    version: async () => 1,
    parts: async () => [{ part: 1, stamp: 1, chunks }],
    async *terms() {
      for (let at = 0; at < chunks; at += 1000) yield rows.slice(at, at + 1000)
    },
    chunkId: (_: number, position: number) => `chunk_${position}`,
    segments: memorySegments(),
  }
  return measureQueries({ chunks, what: 'words, 6 a query' }, (at) =>
    index.search(
      source,
      { text: Array.from({ length: 6 }, word).join(' '), language: 'en' },
      { limit: 50 + (at % 2) },
      never,
    ),
  )
}

async function measureQueries(
  { chunks, what }: { chunks: number; what: string },
  search: (at: number) => Promise<unknown>,
): Promise<SearchSpeed> {
  const load = await timed(() => search(0))
  const times: number[] = []
  const count = 100
  const cpuMs = await processorMs(async () => {
    for (let at = 1; at <= count; at += 1) times.push((await timed(() => search(at))).ms)
  })
  times.sort((one, other) => one - other)
  const [minMs = 0, p50Ms = 0, p95Ms = 0] = [times[0], times[count / 2], times[Math.floor(count * 0.95)]]
  return { chunks, what, loadMs: load.ms, cpuMs: cpuMs / count, minMs, p50Ms, p95Ms }
}
