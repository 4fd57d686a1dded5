/** Deletes vector stores and takes files out of them. The files themselves stay. */
import { errors } from '../api/errors.ts'
import { removeChunks } from '../sql/chunks.ts'
import type { Queryable } from '../database/database.ts'
import {
  forgetDeletedFile,
  noteDeletedFile,
  removeAllStoreFiles,
  removeStoreFile,
  type StoreFileKey,
} from '../sql/vector-store-files.ts'
import {
  lockStoresWithFile,
  lockVectorStore,
  raiseVersion,
  removeVectorStore,
  touchVectorStores,
  type StoreKey,
} from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Assistants and threads keep the id; to runs the store is absent from now on. */
export async function deleteVectorStore(context: Context, key: StoreKey): Promise<void> {
  await context.db.transaction(async (tx) => {
    if (!(await lockVectorStore(tx, key))) throw errors.notFound('vector_store', key.id)
    await removeAllStoreFiles(tx, key.id)
    await removeChunks(tx, key.id)
    await removeVectorStore(tx, key.id)
  })
  context.retrieval.vectors.forget(key.id)
  context.retrieval.words.forget(key.id)
}

export async function detachStoreFile(context: Context, key: StoreFileKey): Promise<void> {
  const { project, vector_store_id: id, file_id } = key
  await context.db.transaction(async (tx) => {
    if (!(await lockVectorStore(tx, { project, id }))) throw errors.notFound('vector_store', id)
    if (!(await takeOut(tx, key)) && !(await forgetDeletedFile(tx, key))) {
      throw errors.fileNotInVectorStore(file_id, id)
    }
    await touchVectorStores(tx, [id], nowSeconds(context.clock))
  })
}

/** For a file that is being deleted: its row is locked, as files are before stores. */
export async function leaveVectorStores(
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
