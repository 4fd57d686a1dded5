/** Removes files from vector stores: from one by request, or from all when the file is deleted. */
import { errors } from '../api/errors.ts'
import { queueChunks } from '../sql/removals.ts'
import type { Queryable } from '../database/database.ts'
import {
  forgetDeletedFile,
  noteDeletedFile,
  removeStoreFile,
  type StoreFileKey,
} from '../sql/vector-store-files.ts'
import { lockStoresWithFile, lockVectorStore, raiseVersion, touchVectorStores } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** The file itself is kept. A file that was deleted can still be removed once: the store keeps a record of it. */
export async function detachFile(context: Pick<Context, 'db' | 'clock'>, key: StoreFileKey): Promise<void> {
  const { project, vector_store_id: id, file_id } = key
  await context.db.transaction(async (tx) => {
    if (!(await lockVectorStore(tx, { project, id }))) throw errors.notFound('vector_store', id)
    if (!(await removeFromStore(tx, key)) && !(await forgetDeletedFile(tx, key))) {
      throw errors.fileNotInVectorStore(file_id, id)
    }
    await touchVectorStores(tx, [id], nowSeconds(context.clock))
  })
}

/** For a file that is being deleted. Its row is locked: files are locked before vector stores. */
export async function detachEverywhere(
  tx: Queryable,
  { project, id: file_id }: { project: string; id: string },
): Promise<void> {
  for (const store of await lockStoresWithFile(tx, file_id)) {
    const key = { project, vector_store_id: store.id, file_id }
    await removeFromStore(tx, key)
    await noteDeletedFile(tx, key)
  }
}

/** Removes the file from a locked store; returns false when it is not there. */
async function removeFromStore(tx: Queryable, key: StoreFileKey): Promise<boolean> {
  const seq = await removeStoreFile(tx, key)
  if (seq === undefined) return false
  await queueChunks(tx, key.vector_store_id, seq)
  await raiseVersion(tx, key.vector_store_id)
  return true
}
