/** The first stage of ingest: from the bytes of a file to chunks that are found by words. */
import { readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultChunkSizes,
  parseFailures,
  readChunks,
  type ChunkSizes,
  readDocument,
  type StoredChunk,
} from '../documents/index.ts'
import { documentLimits, fetchContent } from '../search/file-text.ts'
import { insertChunks, removeChunks, type NewChunk } from '../sql/chunks.ts'
import { makeTemporaryFolder } from '../util/folder.ts'
import { recordChunks, type IngestRow } from '../sql/ingest.ts'
import {
  ClaimLost,
  logFile,
  markAtWork,
  writeFenced,
  type ClaimedFile,
  type IngestContext,
} from './claimed-file.ts'

/** A larger document is refused. */
const maxTokens = 5_000_000
/** Rows in one statement. */
const pageSize = 100

const folderPrefix = 'spool-ingest-'
/** A crash left folders that are older: no job takes so long. Several processes may share the system's folder. */
const leftoverMs = 2 * 60 * 60 * 1000

/**
 * Removes the folders of killed processes, because a copy of a file may be large. A folder that cannot be removed, such as
 * another user's, stays.
 */
export async function removeOldFolders(temporary = tmpdir()): Promise<void> {
  // The folder may allow users to write and not to list.
  for (const name of await readdir(temporary).catch(() => [])) {
    if (!name.startsWith(folderPrefix)) continue
    const path = join(temporary, name)
    const found = await stat(path).catch(() => undefined)
    // File times come from the clock of the machine, so they are compared with it and not with the clock of users.
    if (!found || Date.now() - found.mtimeMs <= leftoverMs) continue
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Throws `ParseFailure` when the file cannot be read. */
export async function readFile(
  context: IngestContext,
  file: ClaimedFile,
  signal: AbortSignal,
): Promise<void> {
  const startMs = performance.now()
  const folder = await makeTemporaryFolder(folderPrefix)
  try {
    const [input, sections, output] = [join(folder, 'file'), join(folder, 'sections'), join(folder, 'chunks')]
    const { filename } = file.row
    if (filename === null) throw new ClaimLost()
    const format = await fetchContent(context, { ...file.row, filename }, { path: input, signal })
    await markAtWork(context, file)
    const { bytes, warnings } = await readDocument(
      context.parsers,
      { kind: 'extract', input, output: sections, format, ...documentLimits },
      signal,
    )
    const sizes = sizesOf(file.row)
    await context.parsers.run({ kind: 'chunk', input: sections, output, sizes, maxTokens }, signal)
    const chunks = await storeChunks(context, file, {
      path: output,
      text_bytes: bytes,
      warnings,
      startMs,
      signal,
    })
    if (warnings.length > 0) {
      logFile(context.log, 'warn', 'a part of a file was not read', { file, fields: { format, warnings } })
    }
    const duration_ms = Math.round(performance.now() - startMs)
    logFile(context.log, 'info', 'file read', {
      file,
      fields: { format, text_bytes: bytes, chunks, duration_ms },
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function sizesOf({ chunking_strategy }: IngestRow): ChunkSizes {
  return chunking_strategy.type === 'static' ? chunking_strategy.static : defaultChunkSizes
}

interface ReadResult {
  /** File of chunks. */
  path: string
  text_bytes: number
  warnings: string[]
  startMs: number
  signal: AbortSignal
}

/** Returns the number of chunks. */
async function storeChunks(context: IngestContext, file: ClaimedFile, result: ReadResult): Promise<number> {
  const { vector_store_id, seq: store_file } = file.row
  const place = { vector_store_id, store_file }
  if (file.lease.attempt > 1) {
    // An earlier attempt may have stored some chunks.
    await writeFenced(context, file, { raises: false }, (tx) =>
      removeChunks(tx, vector_store_id, [store_file]),
    )
  }
  let position = 0
  let page: NewChunk[] = []
  for await (const chunk of readChunks(result.path)) {
    result.signal.throwIfAborted()
    page.push(toRow(chunk, position))
    position += 1
    if (page.length < pageSize) continue
    const full = page
    page = []
    await writeFenced(context, file, { raises: false }, (tx) => insertChunks(tx, place, full))
  }
  if (position === 0) throw parseFailures.empty()
  await writeFenced(context, file, { raises: true, added: position }, async (tx) => {
    await insertChunks(tx, place, page)
    await recordChunks(tx, store_file, {
      chunk_count: position,
      text_bytes: result.text_bytes,
      warnings: result.warnings,
      work_ms: performance.now() - result.startMs,
    })
  })
  return position
}

function toRow(chunk: StoredChunk, position: number): NewChunk {
  return {
    position,
    text: chunk.text,
    start_at: chunk.start,
    end_at: chunk.end,
    page: chunk.page ?? null,
    last_page: chunk.last_page ?? null,
    slide: chunk.slide ?? null,
    last_slide: chunk.last_slide ?? null,
    heading: chunk.heading ?? null,
    terms: chunk.terms,
  }
}
