/** The first step of reading a file: its bytes, out of the blob store. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { formatOf, parseFailures, type OcrJob } from '../documents/index.ts'
import type { Retrieval } from './retrieval.ts'

/** A larger document is refused. */
export const extractLimits = { maxCharacters: 64_000_000, inflateBytes: 1 << 30 }

interface StoredFile {
  filename: string
  /** Null when the content was not imported. Then there may be the text that was found in it. */
  sha256: string | null
  text_sha256: string | null
}

/** Copies the bytes of the file to `path`; returns the format to read them as. Throws `ParseFailure`. */
export async function fetchContent(
  { blobs, parsers }: Retrieval,
  { filename, sha256, text_sha256 }: StoredFile,
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
