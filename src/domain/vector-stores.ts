/** Vector stores, except their files. */
import { errors } from '../api/errors.ts'
import type { CreateVectorStoreRequest, VectorStore, ModifyVectorStoreRequest } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { transactionOnce } from '../database/retry.ts'
import { queueChunks } from '../sql/removals.ts'
import {
  removeAllStoreFiles,
  cancelStoreFiles,
  forgetTextBytes,
  hasOpenFiles,
} from '../sql/vector-store-files.ts'
import {
  findVectorStore,
  expiryOf,
  isExpired,
  lockVectorStore,
  updateVectorStore,
  type StoreKey,
  removeVectorStore,
  lockExpiredStore,
  raiseVersion,
  type VectorStoreRow,
  findStoreRows,
} from '../sql/vector-stores.ts'
import { sleep } from '../util/abort.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'
import {
  insertNewStore,
  newStoreFiles,
  newVectorStoreId,
  type FillContext,
  type NewVectorStore,
} from './fill-vector-store.ts'

/** Creates a vector store and adds its first files. */
export async function createVectorStore(
  context: FillContext,
  project: string,
  request: CreateVectorStoreRequest,
): Promise<VectorStore> {
  const { name, description, expires_after, metadata, file_ids, chunking_strategy } = request
  const store: NewVectorStore = {
    id: newVectorStoreId(context),
    name: name ?? null,
    description: description ?? null,
    expires_after: expires_after ?? null,
    metadata: metadata ?? {},
    files: newStoreFiles(file_ids, { chunking_strategy }),
  }
  const created = await transactionOnce(context.db, async (tx) => {
    await insertNewStore(context, tx, { project, store })
    return findVectorStore(tx, { project, id: store.id }, nowSeconds(context.clock))
  })
  if (!created) throw new Error(`expected the vector store ${store.id} to exist`)
  if (store.files.length > 0) context.hints.send({ kind: 'ingest' })
  return created
}

/** A new expiry counts from the last activity. A store that has expired stays expired. */
export async function modifyVectorStore(
  context: Pick<Context, 'clock' | 'db'>,
  key: StoreKey,
  request: ModifyVectorStoreRequest,
): Promise<VectorStore> {
  return transactionOnce(context.db, async (tx) => {
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

/** Deletes a vector store; its files are kept. Assistants and threads keep its id, and later runs ignore it. */
export async function deleteVectorStore(
  context: Pick<Context, 'db' | 'retrieval'>,
  key: StoreKey,
): Promise<void> {
  await transactionOnce(context.db, async (tx) => {
    if (!(await lockVectorStore(tx, key))) throw errors.notFound('vector_store', key.id)
    await removeAllStoreFiles(tx, key.id)
    await queueChunks(tx, key.id)
    await removeVectorStore(tx, key.id)
  })
  context.retrieval.vectors.forget(key.id)
  context.retrieval.words.forget(key.id)
}

/**
 * Expires one vector store: its chunks are deleted; the store and the list of its files are kept. Returns how many it
 * expired; call it again while that is not 0.
 */
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

/** As `expireVectorStores`, for a store that the transaction has locked. */
async function expireLockedStore(tx: Queryable, store: VectorStoreRow): Promise<VectorStoreRow> {
  if (store.is_expired) return store
  const expired = { ...store, is_expired: true }
  await updateVectorStore(tx, expired)
  await cancelStoreFiles(tx, store.id)
  await forgetTextBytes(tx, store.id)
  await queueChunks(tx, store.id)
  await raiseVersion(tx, store.id)
  return expired
}

/** The time for which the live service waits for the store of the thread. It does not wait for the assistant's stores. */
const maxWaitMs = 60_000
const pollMs = 200

/**
 * Waits until the files of the thread's stores have been read, at most a minute. Returns the ids of expired stores; when
 * there are any, it does not wait. Throws the signal's reason.
 */
export async function waitForVectorStores(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  project: string,
  stores: { ofAssistant: readonly string[]; ofThread: readonly string[] },
  signal: AbortSignal,
): Promise<string[]> {
  const all = await findStoreRows(db, project, [...stores.ofThread, ...stores.ofAssistant])
  const expired = all.filter((row) => isExpired(row, nowSeconds(clock))).map((row) => row.id)
  if (expired.length > 0) return expired
  const startedMs = performance.now()
  for (const id of stores.ofThread) {
    while (performance.now() - startedMs < maxWaitMs && (await hasOpenFiles(db, { project, id }))) {
      await sleep(pollMs, signal)
      signal.throwIfAborted()
    }
  }
  return []
}
