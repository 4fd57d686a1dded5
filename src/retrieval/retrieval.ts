/** What bringing in files and searching them work with; compose.ts opens it once. */
import type { BlobStore } from '../blobs/port.ts'
import type { Embedder } from '../models/port.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { ExactIndex } from './exact-index.ts'
import { ParseProcesses } from './parse-processes.ts'
import type { VectorIndex } from './port.ts'
import { WordIndex } from './word-index.ts'

export interface Retrieval {
  db: Database
  blobs: BlobStore
  clock: Clock
  log: Log
  /** The one that this server embeds with; a store may only be asked with the one it was made with. */
  embedder: Embedder
  vectors: VectorIndex
  words: WordIndex
  parsers: ParseProcesses
  /** Kills what is being parsed. The embedder is the opener's to close. */
  close(): Promise<void>
}

interface RetrievalParts extends Pick<Retrieval, 'db' | 'blobs' | 'clock' | 'log' | 'embedder'> {
  /** For what is kept of stores that were searched, vectors and words together. */
  memoryBytes: number
}

/** The words of a chunk take about half the room of its vectors. */
const vectorShare = 2 / 3

export function openRetrieval({ memoryBytes, ...parts }: RetrievalParts): Retrieval {
  const parsers = new ParseProcesses()
  return {
    ...parts,
    vectors: new ExactIndex({ budgetBytes: memoryBytes * vectorShare }),
    words: new WordIndex({ budgetBytes: memoryBytes * (1 - vectorShare) }),
    parsers,
    close: () => parsers.close(),
  }
}
