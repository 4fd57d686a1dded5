/** Moves every vector store to the configured embedder after another one was configured. */
import { restartStore, countOpenIngests, storesOfOtherEmbedders } from '../sql/ingest.ts'
import { lockVectorStore } from '../sql/vector-stores.ts'
import type { IngestContext } from './claimed-file.ts'

/**
 * Restarts the files of all stores with another embedder than the configured one, or with one of `only`; returns the
 * number of stores. From then on they may be searched, by words at first, and the workers embed their files.
 */
export async function beginReindex(
  { db, embedder }: Pick<IngestContext, 'db' | 'embedder'>,
  only?: readonly string[],
): Promise<number> {
  let count = 0
  for (const key of await storesOfOtherEmbedders(db, embedder.id)) {
    if (only && !only.includes(key.embedder)) continue
    await db.transaction(async (tx) => {
      if (!(await lockVectorStore(tx, key))) return
      await restartStore(tx, key.id, embedder.id)
      count += 1
    })
  }
  return count
}

/** How many files have no vectors yet. */
export async function filesToEmbed({
  db,
  embedder,
}: Pick<IngestContext, 'db' | 'embedder'>): Promise<number> {
  return countOpenIngests(db, embedder.id)
}
