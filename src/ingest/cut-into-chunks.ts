/** The first stretch of bringing in a file: from its bytes to chunks that are found by words. */
import { createWriteStream } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { insertChunks, removeChunks, type NewChunk } from '../sql/chunks.ts'
import { recordChunks, type IngestRow } from '../sql/ingest.ts'
import { storable } from '../util/text-joiner.ts'
import { defaultChunkSizes, type ChunkSizes } from '../documents/chunk.ts'
import { readChunks, type FiledChunk } from '../documents/chunk-file.ts'
import { fenced, IngestLost, type IngestWork } from './ingest-work.ts'
import { parseFailures } from '../documents/parse-failure.ts'
import type { Retrieval } from '../search/retrieval.ts'
import { formatOf } from '../documents/supported-extensions.ts'

/** Longest document: more is refused as too large. */
const limits = { maxCharacters: 64_000_000, inflateBytes: 1 << 30 }
const maxTokens = 5_000_000
/** Rows in one statement. */
const pageSize = 100

const folderPrefix = 'spool-ingest-'
/** Older ones were left by a crash: no job takes so long. Several processes may share the system's folder. */
const leftoverMs = 60 * 60 * 1000

/** Removes what killed processes left; a copy of a file may be large. */
export async function sweepLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue
    const path = join(tmpdir(), name)
    const found = await stat(path).catch(() => undefined)
    // File times are the machine's, so this is its clock and not the one that users see.
    if (found && Date.now() - found.mtimeMs > leftoverMs) await rm(path, { recursive: true, force: true })
  }
}

export async function cutIntoChunks(
  retrieval: Retrieval,
  work: IngestWork,
  signal: AbortSignal,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), folderPrefix))
  try {
    const [input, sections, output] = [join(folder, 'file'), join(folder, 'sections'), join(folder, 'chunks')]
    const format = await fetchContent(retrieval, work.row, { path: input, signal })
    const { bytes } = await retrieval.parsers.run(
      { kind: 'extract', input, output: sections, format, ...limits },
      signal,
    )
    const sizes = sizesOf(work.row)
    await retrieval.parsers.run({ kind: 'chunk', input: sections, output, sizes, maxTokens }, signal)
    await storeChunks(retrieval, work, { path: output, text_bytes: bytes, signal })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Copies the file's bytes to `path`; answers how they are to be read. */
async function fetchContent(
  { blobs }: Retrieval,
  { filename, sha256 }: IngestRow,
  { path, signal }: { path: string; signal: AbortSignal },
) {
  if (filename === null || sha256 === null) throw new IngestLost()
  const format = formatOf(filename)
  if (!format) throw parseFailures.unsupported()
  const content = await blobs.get(sha256)
  if (!content) throw parseFailures.internal(`the blob store lacks ${sha256}`)
  await pipeline(content, createWriteStream(path, { mode: 0o600 }), { signal })
  return format
}

function sizesOf({ chunking_strategy }: IngestRow): ChunkSizes {
  return chunking_strategy.type === 'static' ? chunking_strategy.static : defaultChunkSizes
}

async function storeChunks(
  retrieval: Retrieval,
  work: IngestWork,
  made: { path: string; text_bytes: number; signal: AbortSignal },
): Promise<void> {
  const { vector_store_id, seq: store_file } = work.row
  const place = { vector_store_id, store_file }
  // Whoever had the file before may have stored some.
  await fenced(retrieval, work, { raises: false }, (tx) => removeChunks(tx, vector_store_id, [store_file]))
  let position = 0
  let page: NewChunk[] = []
  for await (const chunk of readChunks(made.path)) {
    made.signal.throwIfAborted()
    page.push(toRow(chunk, position))
    position += 1
    if (page.length < pageSize) continue
    const full = page
    page = []
    await fenced(retrieval, work, { raises: false }, (tx) => insertChunks(tx, place, full))
  }
  if (position === 0) throw parseFailures.empty()
  await fenced(retrieval, work, { raises: true }, async (tx) => {
    await insertChunks(tx, place, page)
    await recordChunks(tx, store_file, { chunk_count: position, text_bytes: made.text_bytes })
  })
}

function toRow(chunk: FiledChunk, position: number): NewChunk {
  return {
    position,
    text: storable(chunk.text),
    start_at: chunk.start,
    end_at: chunk.end,
    page: chunk.page ?? null,
    last_page: chunk.last_page ?? null,
    slide: chunk.slide ?? null,
    last_slide: chunk.last_slide ?? null,
    heading: chunk.heading === undefined ? null : storable(chunk.heading),
    terms: chunk.terms,
  }
}
