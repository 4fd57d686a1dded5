/** Changes the fields of a vector store that a client may change. */
import { errors } from '../api/errors.ts'
import type { ModifyVectorStoreRequest, VectorStore } from '../api/vector-stores.ts'
import {
  expiryOf,
  findVectorStore,
  isExpired,
  lockVectorStore,
  updateVectorStore,
  type StoreKey,
} from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'
import { expireLockedStore } from './expire-vector-stores.ts'

/** A new expiry counts from the last activity. A store that has expired stays expired. */
export async function modifyVectorStore(
  context: Pick<Context, 'clock' | 'db'>,
  key: StoreKey,
  request: ModifyVectorStoreRequest,
): Promise<VectorStore> {
  return context.db.transaction(async (tx) => {
    const now = nowSeconds(context.clock)
    let row = await lockVectorStore(tx, key)
    if (!row) throw errors.notFound('vector_store', key.id)
    if (isExpired(row, now)) row = await expireLockedStore(tx, row)
    const { name, description, expires_after, metadata } = request
    const after = expires_after === undefined ? row.expires_after : expires_after
    await updateVectorStore(tx, {
      ...row,
      name: name === undefined ? row.name : name,
      description: description === undefined ? row.description : description,
      expires_after: after,
      expires_at: expires_after === undefined ? row.expires_at : expiryOf(after, row.last_active_at),
      metadata: metadata === undefined ? row.metadata : (metadata ?? {}),
    })
    const store = await findVectorStore(tx, key, now)
    if (!store) throw new Error(`expected the locked store ${key.id} to exist`)
    return store
  })
}
