/** Cancels the files of a batch that are still in progress. */
import { errors } from '../api/errors.ts'
import type { VectorStoreFileBatch } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { removeChunks } from '../sql/chunks.ts'
import { findBatch, markCancelled, type BatchKey } from '../sql/file-batches.ts'
import { cancelStoreFiles } from '../sql/vector-store-files.ts'
import { lockVectorStore, raiseVersion } from '../sql/vector-stores.ts'
import type { Context } from './context.ts'

/** A batch that has ended is returned unchanged. */
export async function cancelFileBatch(
  { db }: Pick<Context, 'db'>,
  key: BatchKey,
): Promise<VectorStoreFileBatch> {
  const { project, vector_store_id } = key
  return db.transaction(async (tx) => {
    if (!(await lockVectorStore(tx, { project, id: vector_store_id }))) {
      throw errors.notFound('vector_store', vector_store_id)
    }
    const before = await requireBatch(tx, key)
    if (before.status !== 'in_progress') return before
    const cancelled = await cancelStoreFiles(tx, vector_store_id, key.id)
    await removeChunks(tx, vector_store_id, cancelled)
    await raiseVersion(tx, vector_store_id)
    await markCancelled(tx, key.id)
    return requireBatch(tx, key)
  })
}

async function requireBatch(tx: Queryable, key: BatchKey): Promise<VectorStoreFileBatch> {
  const batch = await findBatch(tx, key)
  if (!batch) throw errors.notFound('file_batch', key.id)
  return batch
}
