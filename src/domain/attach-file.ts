/** Attaches a file to a vector store. */
import type { CreateVectorStoreFileRequest, VectorStoreFile } from '../api/vector-stores.ts'
import { shareFiles } from '../sql/files.ts'
import { findStoreFile } from '../sql/vector-store-files.ts'
import type { Context } from './context.ts'
import { addFiles, checkSearchable, lockStoreToFill, newStoreFiles } from './fill-vector-store.ts'

/**
 * A file that is attached already keeps its entry. The entry takes the attributes and the chunking strategy of the
 * request. It is restarted when it failed, was cancelled, or has a new chunking strategy.
 */
export async function attachFile(
  context: Context,
  place: { project: string; vector_store_id: string },
  request: CreateVectorStoreFileRequest,
): Promise<VectorStoreFile> {
  const { project, vector_store_id } = place
  const { file_id } = request
  const attached = await context.db.transaction(async (tx) => {
    // The deletion of a file locks files before vector stores, so do the same. A missing store is still reported first.
    const files = await shareFiles(tx, project, [file_id], { deleting: 'wait' })
    const store = await lockStoreToFill(context, tx, { project, id: vector_store_id })
    checkSearchable(context, files, [file_id])
    await addFiles(context, tx, store, newStoreFiles([file_id], request))
    const found = await findStoreFile(tx, { project, vector_store_id, file_id })
    if (!found) throw new Error(`expected file ${file_id} to be in ${vector_store_id}`)
    const { seq: _, ...file } = found
    return file
  })
  context.hints.send({ kind: 'ingest' })
  return attached
}
