/** Takes files out of vector stores: one by request, or a file that is being deleted out of all of them. */
import { errors } from '../api/errors.ts'
import { removeChunks } from '../sql/chunks.ts'
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

/** The file itself stays. Of a file that was deleted the store keeps a note, so that it can still be taken out, once. */
export async function detachFile(context: Pick<Context, 'db' | 'clock'>, key: StoreFileKey): Promise<void> {
  const { project, vector_store_id: id, file_id } = key
  await context.db.transaction(async (tx) => {
    if (!(await lockVectorStore(tx, { project, id }))) throw errors.notFound('vector_store', id)
    if (!(await takeOut(tx, key)) && !(await forgetDeletedFile(tx, key))) {
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
    await takeOut(tx, key)
    await noteDeletedFile(tx, key)
  }
}

/** The store's row is locked. False when the file is not in it. */
async function takeOut(tx: Queryable, key: StoreFileKey): Promise<boolean> {
  const seq = await removeStoreFile(tx, key)
  if (seq === undefined) return false
  await removeChunks(tx, key.vector_store_id, [seq])
  await raiseVersion(tx, key.vector_store_id)
  return true
}
