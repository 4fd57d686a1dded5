/** What ingest and search use; `app/app.ts` opens it once. */
import type { BlobStore } from '../blobs/port.ts'
import type { Embedder } from '../embedders/port.ts'
import type { Database } from '../database/database.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Languages, ParseProcesses } from '../documents/index.ts'
import type { VectorIndex } from './port.ts'
import type { WordIndex } from './word-index.ts'

export interface Reranker {
  /** One score for each text, in order, 0..1. Throws when there are none in time; on abort the signal's reason. */
  rerank(query: string, texts: readonly string[], signal: AbortSignal): Promise<number[]>
  close(): void
}

export interface Retrieval {
  db: Database
  blobs: BlobStore
  clock: Clock
  log: Log
  /** The embedder of this server. A store is searched with the embedder of its vectors only. */
  embedder: Embedder
  vectors: VectorIndex
  words: WordIndex
  languages: Languages
  parsers: ParseProcesses
  /** Ranks the best results again; undefined where none is configured. */
  reranker?: Reranker | undefined
  /** Stops the parsers. The caller that opened embedder and reranker closes them. */
  close(): Promise<void>
}
