/** Makes every vector store over to the embedder of now, after another one was configured. */
import { beginAnew, countOpenIngests, storesOfOtherEmbedders } from '../sql/ingest.ts'
import { lockVectorStore } from '../sql/vector-stores.ts'
import type { Retrieval } from '../search/retrieval.ts'

/**
 * From now on the stores may be searched again, by words at first; the workers embed their files. Answers how many
 * stores it made over.
 */
export async function beginReindex({ db, embedder }: Retrieval): Promise<number> {
  let count = 0
  for (const key of await storesOfOtherEmbedders(db, embedder.id)) {
    await db.transaction(async (tx) => {
      if (!(await lockVectorStore(tx, key))) return
      await beginAnew(tx, key.id, embedder.id)
      count += 1
    })
  }
  return count
}

/** How many files still lack vectors. */
export async function filesToEmbed({ db, embedder }: Retrieval): Promise<number> {
  return countOpenIngests(db, embedder.id)
}
