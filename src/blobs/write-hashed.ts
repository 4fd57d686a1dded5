/** Copies a stream into an open file and hashes it on the way, holding one chunk at a time. */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StoredBlob } from './port.ts'

/** Rejects with the source's error or the signal's reason; the file then holds a part, which is the caller's to drop. */
export async function writeHashed(
  source: Readable,
  file: FileHandle,
  options: { signal: AbortSignal | undefined; maxBytes: number },
): Promise<StoredBlob> {
  const hash = createHash('sha256')
  let bytes = 0
  const write = async (chunks: AsyncIterable<Uint8Array | string>): Promise<void> => {
    for await (const chunk of chunks) {
      const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      bytes += part.byteLength
      if (bytes > options.maxBytes) throw new Error(`the blob is larger than ${options.maxBytes} bytes`)
      hash.update(part)
      // Not `write`, which may stop short: appendFile goes on until the whole chunk is in the file.
      await file.appendFile(part)
    }
  }
  try {
    await pipeline(source, write, { signal: options.signal })
  } catch (error) {
    // The pipeline ends an abort with an AbortError of its own; the caller is owed the signal's reason.
    options.signal?.throwIfAborted()
    throw error
  }
  return { sha256: hash.digest('hex'), bytes }
}

/**
 * Runs `store` on a source that is not being read yet. A source that fails in that time must not end the process for
 * want of a listener, and one that is never read must be closed, or whoever feeds it waits for ever.
 */
export async function withSource<Result>(source: Readable, store: () => Promise<Result>): Promise<Result> {
  source.on('error', () => {})
  try {
    return await store()
  } finally {
    source.destroy()
  }
}
