/**
 * The port for file contents. A driver is one file in this directory and a case in `open.ts`. It must pass the contract
 * suite in test/contracts. The name of a blob is the SHA-256 of its bytes, so the same content is stored once.
 */
import type { Readable } from 'node:stream'

export interface StoredBlob {
  /** 64 lower-case hex digits. */
  sha256: string
  bytes: number
}

export interface BlobStore {
  /** A name of this blob store that never changes. The database records it, to detect a wrong folder or bucket. */
  identity(): Promise<string>
  /**
   * Stores the bytes of the source, with constant memory. When it resolves, the bytes are complete and durable. When the
   * source fails or the signal aborts, it rejects with that error and stores nothing. When contents cannot be stored
   * now, it rejects with `BlobsUnavailable`. The source is destroyed in every case.
   */
  put(source: Readable, signal?: AbortSignal): Promise<StoredBlob>
  /**
   * The bytes of a blob, or undefined when there is none. `start` and `end` (inclusive) select a range. The range ends
   * at the last byte and may be empty. The caller must read the stream to its end or destroy it.
   */
  get(sha256: string, range?: { start: number; end: number }): Promise<Readable | undefined>
  /** Removing a missing blob is not an error. */
  remove(sha256: string): Promise<void>
  close(): Promise<void>
}

/** Each driver checks the name of a blob, and a range: anything else must not reach a path, a URL or a header. */
export function requireBlobName(sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('the name of a blob must be 64 lower-case hex digits')
  return sha256
}

export function requireRange(range: { start: number; end: number }): void {
  const whole = Number.isSafeInteger(range.start) && Number.isSafeInteger(range.end)
  if (!whole || range.start < 0 || range.end < range.start) {
    throw new Error(`a range must have 0 <= start <= end, not ${range.start} to ${range.end}`)
  }
}
