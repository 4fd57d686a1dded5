/** The second stage of ingest: the chunks of a file get their vectors, group by group. */
import { toBytes } from '../search/store-sources.ts'
import { chunksOfFile, insertWindows, type ChunkRow, type WindowRow } from '../sql/chunks.ts'
import { recordVectors } from '../sql/ingest.ts'
import { logFile, markAtWork, writeFenced, type ClaimedFile, type IngestContext } from './claimed-file.ts'
import { cutWindows, readsWhole } from './windows.ts'

/** How many chunks are embedded and stored together: more when each chunk is one window. */
const groupSizes = { cut: 8, whole: 64 }
/** How many chunks before and after a group are read with it. A window that chunks share belongs to the first of them. */
const neighbours = 2
/** After this time the file is released, so that others are not delayed. */
const sliceMs = 5000
/** Window numbers that each chunk may use, so that the numbers of one group are below those of the next. */
const numbersPerChunk = 4096

/** Returns false when the file is still claimed and lacks vectors. */
export async function embedChunks(
  context: IngestContext,
  file: ClaimedFile,
  options: { chunk_count: number; signal: AbortSignal },
): Promise<boolean> {
  const { signal, chunk_count } = options
  await warmUp(context, signal)
  await markAtWork(context, file)
  const isWhole = file.row.reads_whole ?? (await isReadWhole(context, file, signal))
  const group = { isWhole, size: isWhole ? groupSizes.whole : groupSizes.cut }
  const endMs = performance.now() + sliceMs
  let startMs = performance.now()
  let { work_ms } = file.row
  for (let from = file.row.embedded; from < chunk_count; from += group.size) {
    await file.confirmed(signal)
    const windows = await embedGroup(context, file, { ...group, from, signal })
    const embedded = Math.min(chunk_count, from + group.size)
    const isLast = embedded === chunk_count
    work_ms += performance.now() - startMs
    startMs = performance.now()
    await writeFenced(context, file, { raises: isLast, added: chunk_count }, async (tx) => {
      await insertWindows(tx, placeOf(file), windows)
      await recordVectors(tx, file.row.seq, { embedded, reads_whole: isWhole, work_ms, isLast })
    })
    if (isLast) {
      const fields = { chunks: chunk_count, duration_ms: Math.round(work_ms) }
      logFile(context.log, 'info', 'file ready', { file, fields })
      return true
    }
    if (performance.now() > endMs) break
  }
  return false
}

function placeOf({ row }: ClaimedFile) {
  return { vector_store_id: row.vector_store_id, store_file: row.seq }
}

/** Loads the embedder first: if the process ends meanwhile, the file is not the cause. */
async function warmUp({ embedder }: IngestContext, signal: AbortSignal): Promise<void> {
  if (embedder.isSlowToStart) await embedder.embed([''], 'passage', signal)
}

async function isReadWhole(
  { db, embedder }: IngestContext,
  file: ClaimedFile,
  signal: AbortSignal,
): Promise<boolean> {
  const limit = 100
  for (let from = 0; ; from += limit) {
    signal.throwIfAborted()
    const chunks = await chunksOfFile(db, placeOf(file), { from, limit })
    if (!readsWhole(chunks, embedder)) return false
    if (chunks.length < limit) return true
  }
}

async function embedGroup(
  { db, embedder }: IngestContext,
  file: ClaimedFile,
  group: { from: number; size: number; isWhole: boolean; signal: AbortSignal },
): Promise<WindowRow[]> {
  const first = Math.max(0, group.from - neighbours)
  const chunks = await chunksOfFile(db, placeOf(file), {
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
