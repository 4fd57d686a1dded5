/** The second stretch of bringing in a file: its chunks get their vectors, group by group. */
import { chunksOfFile, insertWindows, type ChunkRow, type WindowRow } from '../sql/chunks.ts'
import { recordVectors } from '../sql/ingest.ts'
import { fenced, type IngestWork } from './ingest-work.ts'
import type { Retrieval } from '../search/retrieval.ts'
import { toBytes } from '../search/store-sources.ts'
import { cutWindows, readsWhole } from './windows.ts'

/** Chunks that are embedded and stored together: more where each is one window. */
const groupSizes = { cut: 8, whole: 64 }
/** Neighbours of a group: windows that chunks share are embedded once, by the group of the first that holds them. */
const neighbours = 2
/** After this time the file is let go, so that others get their turn. */
const stretchMs = 5000
/** Numbers of windows: enough for each chunk that the last of one group lies before the first of the next. */
const numbersPerChunk = 4096

export async function embedChunks(
  retrieval: Retrieval,
  work: IngestWork,
  options: { chunk_count: number; signal: AbortSignal },
): Promise<void> {
  const { signal } = options
  const endMs = performance.now() + stretchMs
  const isWhole = work.row.reads_whole ?? (await isReadWhole(retrieval, work, signal))
  const group = { isWhole, size: isWhole ? groupSizes.whole : groupSizes.cut }
  for (let from = work.row.embedded; from < options.chunk_count; from += group.size) {
    await work.confirmed(signal)
    const windows = await embedGroup(retrieval, work, { ...group, from, signal })
    const embedded = Math.min(options.chunk_count, from + group.size)
    const isLast = embedded === options.chunk_count
    await fenced(retrieval, work, { raises: isLast }, async (tx) => {
      await insertWindows(tx, placeOf(work), windows)
      await recordVectors(tx, work.row.seq, { embedded, reads_whole: isWhole, isLast })
    })
    if (performance.now() > endMs) return
  }
}

function placeOf({ row }: IngestWork) {
  return { vector_store_id: row.vector_store_id, store_file: row.seq }
}

async function isReadWhole(
  { db, embedder }: Retrieval,
  work: IngestWork,
  signal: AbortSignal,
): Promise<boolean> {
  const limit = 100
  for (let from = 0; ; from += limit) {
    signal.throwIfAborted()
    const chunks = await chunksOfFile(db, placeOf(work), { from, limit })
    if (!readsWhole(chunks, embedder)) return false
    if (chunks.length < limit) return true
  }
}

async function embedGroup(
  { db, embedder }: Retrieval,
  work: IngestWork,
  group: { from: number; size: number; isWhole: boolean; signal: AbortSignal },
): Promise<WindowRow[]> {
  const first = Math.max(0, group.from - neighbours)
  const chunks = await chunksOfFile(db, placeOf(work), {
    from: first,
    limit: group.from - first + group.size + neighbours,
  })
  const windows = cutWindows(chunks.map(toSource), embedder, group.isWhole).filter((window) => {
    const holder = chunks[window.chunks[0] ?? -1]?.position ?? -1
    return holder >= group.from && holder < group.from + group.size
  })
  const texts = windows.map((window) => window.text)
  const vectors = texts.length > 0 ? await embedder.embed(texts, 'passage', group.signal) : []
  return windows.map((window, index) => {
    const vector = vectors[index]
    if (vector?.length !== embedder.dimensions) throw new Error('expected a vector for every text')
    return {
      number: group.from * numbersPerChunk + index,
      positions: window.chunks.map((at) => chunks[at]?.position ?? -1),
      vector: toBytes(vector),
    }
  })
}

function toSource({ text, start_at, end_at }: ChunkRow) {
  return { text, start: start_at, end: end_at }
}
