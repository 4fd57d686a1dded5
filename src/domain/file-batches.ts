/** Batches: many files put into a store at once, counted and cancelled together. */
import { errors } from '../api/errors.ts'
import type { CreateVectorStoreFileBatchRequest, VectorStoreFileBatch } from '../api/vector-stores.ts'
import { removeChunks } from '../sql/chunks.ts'
import type { Queryable } from '../database/database.ts'
import { findBatch, insertBatch, markCancelled, type BatchKey } from '../sql/file-batches.ts'
import { shareFiles } from '../sql/files.ts'
import { cancelStoreFiles, seqsOfFiles, type NewStoreFile } from '../sql/vector-store-files.ts'
import { lockVectorStore, raiseVersion } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import { newHexId } from '../util/ids.ts'
import { addToStore, checkSearchable, newStoreFiles, openStore } from './attach-store-file.ts'
import type { Context } from './context.ts'

export async function createFileBatch(
  context: Context,
  place: { project: string; vector_store_id: string },
  request: CreateVectorStoreFileBatchRequest,
): Promise<VectorStoreFileBatch> {
  const { project, vector_store_id } = place
  const wanted = filesOf(request)
  const ids = wanted.map((file) => file.file_id)
  const now = nowSeconds(context.clock)
  const key = { ...place, id: newHexId('vsfb_', now) }
  const batch = await context.db.transaction(async (tx) => {
    const files = await shareFiles(tx, project, ids, { deleting: 'wait' })
    const store = await openStore(context, tx, { project, id: vector_store_id })
    checkSearchable(files, ids)
    await addToStore(context, tx, store, wanted)
    await insertBatch(tx, { ...key, created_at: now }, await seqsOfFiles(tx, vector_store_id, ids))
    return requireBatch(tx, key)
  })
  context.hints.tell({ kind: 'ingest' })
  return batch
}

/** A file that is named twice is taken as it is named last. */
function filesOf({ file_ids, files, chunking_strategy, attributes }: CreateVectorStoreFileBatchRequest) {
  if (file_ids) return newStoreFiles(file_ids, { chunking_strategy, attributes })
  const byId = new Map<string, NewStoreFile>()
  for (const file of files ?? []) {
    for (const row of newStoreFiles([file.file_id], file)) byId.set(file.file_id, row)
  }
  return [...byId.values()]
}

/** Stops what is not finished; a batch that is over is answered as it is. */
export async function cancelFileBatch(context: Context, key: BatchKey): Promise<VectorStoreFileBatch> {
  const { project, vector_store_id } = key
  return context.db.transaction(async (tx) => {
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
