/** Opens the room: the one place that knows the drivers of the vector index by name. */
import { forgetAbsentStores } from '../sql/pgvector.ts'
import { ExactIndex } from './exact-index.ts'
import { ParseProcesses } from '../documents/parse-processes.ts'
import { PgvectorIndex } from './pgvector-index.ts'
import type { VectorIndex } from './port.ts'
import type { Retrieval } from './retrieval.ts'
import { WordIndex } from './word-index.ts'

interface RetrievalSettings extends Pick<Retrieval, 'db' | 'blobs' | 'clock' | 'log' | 'embedder'> {
  vectorIndex: 'exact' | 'pgvector'
  /** For what is kept of stores that were searched, vectors and words together. */
  memoryBytes: number
}

/** The words of a chunk take about half the room of its vectors. */
const vectorShare = 2 / 3

/** Throws a sentence when the wanted index cannot be had. */
export async function openRetrieval({
  memoryBytes,
  vectorIndex,
  ...parts
}: RetrievalSettings): Promise<Retrieval> {
  const vectors = await openVectorIndex(vectorIndex, { ...parts, memoryBytes })
  const wordShare = vectorIndex === 'exact' ? 1 - vectorShare : 1
  const parsers = new ParseProcesses()
  return {
    ...parts,
    vectors,
    words: new WordIndex({ budgetBytes: memoryBytes * wordShare }),
    parsers,
    close: () => parsers.close(),
  }
}

async function openVectorIndex(
  name: RetrievalSettings['vectorIndex'],
  { db, log, memoryBytes }: Pick<RetrievalSettings, 'db' | 'log' | 'memoryBytes'>,
): Promise<VectorIndex> {
  if (name === 'exact') return new ExactIndex({ budgetBytes: memoryBytes * vectorShare })
  const index = await PgvectorIndex.open(db, log)
  await forgetAbsentStores(db)
  return index
}
