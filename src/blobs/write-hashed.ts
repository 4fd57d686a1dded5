/** Copies a stream into an open file and hashes it at the same time, with one chunk in memory. */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StoredBlob } from './port.ts'
import { onDisk } from './unavailable.ts'

export interface SizeLimit {
  bytes: number
  /** Makes the error for a larger source. */
  error: () => Error
}

/** Rejects with the source's error or the signal's reason. The file is then incomplete, and the caller must remove it. */
export async function writeHashed(
  source: Readable,
  file: FileHandle,
  options: { signal: AbortSignal | undefined; limit: SizeLimit },
): Promise<StoredBlob> {
  const hash = createHash('sha256')
  let bytes = 0
  const write = async (chunks: AsyncIterable<Uint8Array | string>): Promise<void> => {
    for await (const chunk of chunks) {
      const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      bytes += part.byteLength
      if (bytes > options.limit.bytes) throw options.limit.error()
      hash.update(part)
      // Not `write`, which may write only a part of the chunk; appendFile writes all of it.
      await onDisk(file.appendFile(part))
    }
  }
  try {
    await pipeline(source, write, { signal: options.signal })
  } catch (error) {
    // On abort the pipeline throws an AbortError, but the contract requires the signal's reason.
    options.signal?.throwIfAborted()
    throw error
  }
  return { sha256: hash.digest('hex'), bytes }
}

/**
 * Runs `store` on a source that is not being read yet, and destroys the source in the end. Without the error listener a
 * source that fails early would end the process; without the destruction the writer of an unread source would wait
 * forever.
 */
export async function withSource<Result>(source: Readable, store: () => Promise<Result>): Promise<Result> {
  source.on('error', () => {})
  try {
    return await store()
  } finally {
    source.destroy()
  }
}
