/**
 * The socket for file contents. A driver is one file here plus a case in `open.ts`; it must pass the contract
 * suite in test/contracts. Blobs are named by the SHA-256 of their bytes, so the same content is kept once.
 */
import type { Readable } from 'node:stream'

export interface StoredBlob {
  /** 64 lower-case hex digits. */
  sha256: string
  bytes: number
}

export interface BlobStore {
  /** A name for this store that survives restarts; the database records it, to notice a wrong folder or bucket. */
  identity(): Promise<string>
  /**
   * Streams the source to the store with constant memory. When it resolves the bytes are durable and complete
   * under their hash. When the source fails or the signal aborts, it rejects with that error and keeps nothing.
   * The source is destroyed in the end, also when it was not read.
   */
  put(source: Readable, signal?: AbortSignal): Promise<StoredBlob>
  /**
   * The bytes of a blob, or undefined when there is none. `start` and `end` (inclusive) select a range; what of it
   * lies behind the last byte is left out, so it may be empty. The reader reads to the end or destroys the stream.
   */
  get(sha256: string, range?: { start: number; end: number }): Promise<Readable | undefined>
  /** Removing what is not there is no error. */
  remove(sha256: string): Promise<void>
  close(): Promise<void>
}
