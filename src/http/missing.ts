/** Which object of a path is the one that is missing: the outermost is named first. */
import { errors, type ApiError } from '../api/errors.ts'
import type { Context } from '../domain/context.ts'
import { findBatch, type BatchKey } from '../sql/file-batches.ts'
import { findRunRow, type RunKey } from '../sql/runs.ts'
import { findThread } from '../sql/threads.ts'
import type { StoreFileKey } from '../sql/vector-store-files.ts'
import { findStoreRows } from '../sql/vector-stores.ts'

/** Throws unless the thread is there. */
export async function requireThread(context: Context, project: string, thread_id: string): Promise<void> {
  if (!(await findThread(context.db, project, thread_id))) throw errors.notFound('thread', thread_id)
}

/** Throws unless thread and run are there. */
export async function requireRun(context: Context, key: RunKey): Promise<void> {
  if (!(await findRunRow(context.db, key))) throw await missingRun(context, key)
}

export async function missingRun(context: Context, key: RunKey): Promise<ApiError> {
  const thread = await findThread(context.db, key.project, key.thread_id)
  return thread ? errors.notFound('run', key.id) : errors.notFound('thread', key.thread_id)
}

/** Throws unless the vector store is there. */
export async function requireVectorStore(context: Context, project: string, id: string): Promise<void> {
  const rows = await findStoreRows(context.db, project, [id])
  if (rows.length === 0) throw errors.notFound('vector_store', id)
}

export async function missingStoreFile(context: Context, key: StoreFileKey): Promise<ApiError> {
  const { project, vector_store_id: id, file_id } = key
  const rows = await findStoreRows(context.db, project, [id])
  return rows.length > 0 ? errors.fileNotInVectorStore(file_id, id) : errors.notFound('vector_store', id)
}

/** Throws unless vector store and batch are there. */
export async function requireBatch(context: Context, key: BatchKey): Promise<void> {
  if (!(await findBatch(context.db, key))) throw await missingBatch(context, key)
}

export async function missingBatch(context: Context, key: BatchKey): Promise<ApiError> {
  const { project, vector_store_id } = key
  const rows = await findStoreRows(context.db, project, [vector_store_id])
  return rows.length > 0
    ? errors.notFound('file_batch', key.id)
    : errors.notFound('vector_store', vector_store_id)
}
