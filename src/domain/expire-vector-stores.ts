/** Expires vector stores: their chunks are deleted; the store and the list of its files are kept. */
import type { Queryable } from '../database/database.ts'
import { queueChunks } from '../sql/removals.ts'
import { cancelStoreFiles, forgetTextBytes } from '../sql/vector-store-files.ts'
import {
  lockExpiredStore,
  raiseVersion,
  updateVectorStore,
  type VectorStoreRow,
} from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Returns how many stores it expired; call it again while that is not 0. */
export async function expireVectorStores(
  context: Pick<Context, 'clock' | 'db' | 'retrieval'>,
): Promise<number> {
  const id = await context.db.transaction(async (tx) => {
    const store = await lockExpiredStore(tx, nowSeconds(context.clock))
    if (store) await expireLockedStore(tx, store)
    return store?.id
  })
  if (id === undefined) return 0
  context.retrieval.vectors.forget(id)
  context.retrieval.words.forget(id)
  return 1
}

export async function expireLockedStore(tx: Queryable, store: VectorStoreRow): Promise<VectorStoreRow> {
  if (store.is_expired) return store
  const expired = { ...store, is_expired: true }
  await updateVectorStore(tx, expired)
  await cancelStoreFiles(tx, store.id)
  await forgetTextBytes(tx, store.id)
  await queueChunks(tx, store.id)
  await raiseVersion(tx, store.id)
  return expired
}
