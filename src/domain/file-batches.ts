/** File batches of a vector store. */
import { errors } from '../api/errors.ts'
import type { CreateVectorStoreFileBatchRequest, VectorStoreFileBatch } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { transactionOnce } from '../database/retry.ts'
import { removeChunks } from '../sql/chunks.ts'
import { findBatch, insertBatch, markCancelled, type BatchKey } from '../sql/file-batches.ts'
import { lockFilesShared } from '../sql/files.ts'
import { seqsOfFiles, type NewStoreFile, cancelStoreFiles } from '../sql/vector-store-files.ts'
import { lockVectorStore, raiseVersion } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import { newHexId } from '../util/ids.ts'
import type { Context } from './context.ts'
import {
  addFiles,
  checkSearchable,
  lockStoreToFill,
  newStoreFiles,
  type FillContext,
} from './fill-vector-store.ts'

/** Adds files to a vector store as a batch. Files that are in the store already become part of the batch too. */
export async function createFileBatch(
  context: FillContext,
  owner: { project: string; vector_store_id: string },
  request: CreateVectorStoreFileBatchRequest,
): Promise<VectorStoreFileBatch> {
  const { project, vector_store_id } = owner
  const requested = filesOf(request)
  const ids = requested.map((file) => file.file_id)
  const now = nowSeconds(context.clock)
  const key = { ...owner, id: newHexId('vsfb_', now) }
  const batch = await transactionOnce(context.db, async (tx) => {
    const files = await lockFilesShared(tx, project, ids, { deleting: 'wait' })
    const store = await lockStoreToFill(context, tx, { project, id: vector_store_id })
    checkSearchable(context, files, ids)
    await addFiles(context, tx, store, requested)
    await insertBatch(tx, { ...key, created_at: now }, await seqsOfFiles(tx, vector_store_id, ids))
    return findBatch(tx, key)
  })
  if (!batch) throw new Error(`expected the batch ${key.id} to exist`)
  context.hints.send({ kind: 'ingest' })
  return batch
}

/** The files of the request, each once; the last entry for a file is used. */
function filesOf({ file_ids, files, chunking_strategy, attributes }: CreateVectorStoreFileBatchRequest) {
  if (file_ids) return newStoreFiles(file_ids, { chunking_strategy, attributes })
  const byId = new Map<string, NewStoreFile>()
  for (const file of files ?? []) {
    for (const row of newStoreFiles([file.file_id], file)) byId.set(file.file_id, row)
  }
  return [...byId.values()]
}

/** Cancels the files of a batch that are still in progress. A batch that has ended is returned unchanged. */
export async function cancelFileBatch(
  { db }: Pick<Context, 'db'>,
  key: BatchKey,
): Promise<VectorStoreFileBatch> {
  const { project, vector_store_id } = key
  return transactionOnce(db, async (tx) => {
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
