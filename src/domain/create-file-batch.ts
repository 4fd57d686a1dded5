/** Adds many files to a vector store as a batch, which has common counts and can be cancelled. */
import type { CreateVectorStoreFileBatchRequest, VectorStoreFileBatch } from '../api/vector-stores.ts'
import { findBatch, insertBatch } from '../sql/file-batches.ts'
import { shareFiles } from '../sql/files.ts'
import { seqsOfFiles, type NewStoreFile } from '../sql/vector-store-files.ts'
import { nowSeconds } from '../util/clock.ts'
import { newHexId } from '../util/ids.ts'
import type { Context } from './context.ts'
import { addFiles, checkSearchable, lockStoreToFill, newStoreFiles } from './fill-vector-store.ts'

/** Files that are in the store already become part of the batch too. */
export async function createFileBatch(
  context: Context,
  place: { project: string; vector_store_id: string },
  request: CreateVectorStoreFileBatchRequest,
): Promise<VectorStoreFileBatch> {
  const { project, vector_store_id } = place
  const requested = filesOf(request)
  const ids = requested.map((file) => file.file_id)
  const now = nowSeconds(context.clock)
  const key = { ...place, id: newHexId('vsfb_', now) }
  const batch = await context.db.transaction(async (tx) => {
    const files = await shareFiles(tx, project, ids, { deleting: 'wait' })
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
