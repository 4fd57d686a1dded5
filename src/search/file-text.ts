/** Fetches the content of a file for reading, and joins the text of a file from its chunks. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Queryable } from '../database/database.ts'
import { formatOf, parseFailures, type OcrJob } from '../documents/index.ts'
import { chunksOfFile, type ChunkRow, type FilePlace } from '../sql/chunks.ts'
import type { FileRow } from '../sql/files.ts'
import type { Retrieval } from './retrieval.ts'

/** A larger document is refused. */
export const documentLimits = { maxCharacters: 64_000_000, inflateBytes: 1 << 30 }
const pageSize = 100

/** Copies the content of a file to `path`; returns its format. Throws `ParseFailure` for one that cannot be read. */
export async function fetchContent(
  { blobs, parsers }: Pick<Retrieval, 'blobs' | 'parsers'>,
  { filename, sha256, text_sha256 }: Pick<FileRow, 'filename' | 'sha256' | 'text_sha256'>,
  { path, signal }: { path: string; signal: AbortSignal },
): Promise<OcrJob['format']> {
  const stored = sha256 ?? text_sha256
  if (stored === null) throw parseFailures.notImported()
  const format = sha256 === null ? 'text' : formatOf(filename, parsers.ocr !== undefined)
  if (!format) throw parseFailures.unsupported()
  const content = await blobs.get(stored)
  if (!content) throw parseFailures.internal(`the blob store has no ${stored}`)
  await pipeline(content, createWriteStream(path, { mode: 0o600 }), { signal })
  return format
}

/**
 * The chunks of a file in order, each with the part of its text that the chunk before did not contain. White space
 * between chunks is not kept; a line break stands for it.
 */
export async function* joinedChunks(db: Queryable, place: FilePlace): AsyncGenerator<ChunkRow> {
  let end = 0
  for (let from = 0; ; from += pageSize) {
    const chunks = await chunksOfFile(db, place, { from, limit: pageSize })
    for (const chunk of chunks) {
      const gap = chunk.position > 0 && chunk.start_at > end ? '\n' : ''
      yield { ...chunk, text: gap + chunk.text.slice(Math.max(0, end - chunk.start_at)) }
      end = Math.max(end, chunk.end_at)
    }
    if (chunks.length < pageSize) return
  }
}
