/** Deletes a vector store. Its files are kept. */
import { errors } from '../api/errors.ts'
import { queueChunks } from '../sql/removals.ts'
import { removeAllStoreFiles } from '../sql/vector-store-files.ts'
import { lockVectorStore, removeVectorStore, type StoreKey } from '../sql/vector-stores.ts'
import type { Context } from './context.ts'

/** Assistants and threads keep the id of the store. Later runs ignore it. */
export async function deleteVectorStore(
  context: Pick<Context, 'db' | 'retrieval'>,
  key: StoreKey,
): Promise<void> {
  await context.db.transaction(async (tx) => {
    if (!(await lockVectorStore(tx, key))) throw errors.notFound('vector_store', key.id)
    await removeAllStoreFiles(tx, key.id)
    await queueChunks(tx, key.id)
    await removeVectorStore(tx, key.id)
  })
  context.retrieval.vectors.forget(key.id)
  context.retrieval.words.forget(key.id)
}
