/**
 * The port for file contents. A driver is one file here plus a case in `open.ts`; it must pass the contract suite in
 * test/contracts. Blobs are named by the SHA-256 of their bytes, so the same content is stored once.
 */
import type { Readable } from 'node:stream'

export interface StoredBlob {
  /** 64 lower-case hex digits. */
  sha256: string
  bytes: number
}

export interface BlobStore {
  /** A name of this store that survives restarts. The database records it, to detect a wrong folder or bucket. */
  identity(): Promise<string>
  /**
   * Streams the source to the store with constant memory. When it resolves the bytes are durable and complete
   * under their hash. When the source fails or the signal aborts, it rejects with that error and keeps nothing; when
   * the store takes no contents now, with `BlobsUnavailable`. The source is always destroyed in the end.
   */
  put(source: Readable, signal?: AbortSignal): Promise<StoredBlob>
  /**
   * The bytes of a blob, or undefined when there is none. `start` and `end` (inclusive) select a range, which is cut at
   * the last byte and may be empty. The reader reads to the end or destroys the stream.
   */
  get(sha256: string, range?: { start: number; end: number }): Promise<Readable | undefined>
  /** Removing a missing blob is not an error. */
  remove(sha256: string): Promise<void>
  close(): Promise<void>
}
