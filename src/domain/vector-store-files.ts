/** Files of a vector store. */
import { errors } from '../api/errors.ts'
import type {
  CreateVectorStoreFileRequest,
  VectorStoreFile,
  ModifyVectorStoreFileRequest,
} from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { repeatedAfterCut, transactionOnce } from '../database/retry.ts'
import { joinedChunks } from '../search/file-text.ts'
import { lockFilesShared } from '../sql/files.ts'
import { queueChunks } from '../sql/removals.ts'
import {
  findStoreFile,
  setAttributes,
  forgetDeletedFile,
  noteDeletedFile,
  removeStoreFile,
  type StoreFileKey,
} from '../sql/vector-store-files.ts'
import { lockStoresWithFile, lockVectorStore, raiseVersion, touchVectorStores } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'
import {
  addFiles,
  checkSearchable,
  lockStoreToFill,
  newStoreFiles,
  type FillContext,
} from './fill-vector-store.ts'

/**
 * Adds a file to a vector store. A file that is in the store already gets the attributes and the chunking strategy of the
 * request; it is read again when it had failed, was cancelled, or the chunking strategy is new.
 */
export async function attachFile(
  context: FillContext,
  key: { project: string; vector_store_id: string },
  request: CreateVectorStoreFileRequest,
): Promise<VectorStoreFile> {
  const { project, vector_store_id } = key
  const { file_id } = request
  const attached = await transactionOnce(context.db, async (tx) => {
    // The deletion of a file locks files before vector stores, so do the same. A missing store is still reported first.
    const files = await lockFilesShared(tx, project, [file_id], { deleting: 'wait' })
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

/**
 * The text of a file, in pieces; `text` is undefined unless the file is `completed`. Returns undefined when the file is
 * not in the vector store.
 */
export async function readStoreFile(
  { db }: Pick<Context, 'db'>,
  key: { project: string; vector_store_id: string; file_id: string },
): Promise<{ text: AsyncIterable<string> | undefined } | undefined> {
  const file = await findStoreFile(db, key)
  if (!file) return undefined
  const place = { vector_store_id: key.vector_store_id, store_file: file.seq }
  return { text: file.status === 'completed' ? textOf(joinedChunks(db, place)) : undefined }
}

async function* textOf(chunks: AsyncIterable<{ text: string }>): AsyncGenerator<string> {
  for await (const { text } of chunks) yield text
}

/** Replaces the attributes of a file. Returns undefined when the file is not in the vector store. */
export function modifyStoreFile(
  { db }: Pick<Context, 'db'>,
  key: { project: string; vector_store_id: string; file_id: string },
  { attributes }: ModifyVectorStoreFileRequest,
): Promise<VectorStoreFile | undefined> {
  return repeatedAfterCut(() => setAttributes(db, key, attributes ?? {}))
}

/** Removes a file from a vector store; the file itself is kept. A deleted file can be removed once, from its record. */
export async function detachFile(context: Pick<Context, 'db' | 'clock'>, key: StoreFileKey): Promise<void> {
  const { project, vector_store_id: id, file_id } = key
  await transactionOnce(context.db, async (tx) => {
    if (!(await lockVectorStore(tx, { project, id }))) throw errors.notFound('vector_store', id)
    if (!(await removeFromStore(tx, key)) && !(await forgetDeletedFile(tx, key))) {
      throw errors.fileNotInVectorStore(file_id, id)
    }
    await touchVectorStores(tx, [id], nowSeconds(context.clock))
  })
}

/** Removes a file that is being deleted from all vector stores. The caller has locked its row. */
export async function detachEverywhere(
  tx: Queryable,
  { project, id: file_id }: { project: string; id: string },
): Promise<void> {
  for (const store of await lockStoresWithFile(tx, file_id)) {
    const key = { project, vector_store_id: store.id, file_id }
    await removeFromStore(tx, key)
    await noteDeletedFile(tx, key)
  }
}

/** Removes the file from a locked store; returns false when it is not there. */
async function removeFromStore(tx: Queryable, key: StoreFileKey): Promise<boolean> {
  const seq = await removeStoreFile(tx, key)
  if (seq === undefined) return false
  await queueChunks(tx, key.vector_store_id, seq)
  await raiseVersion(tx, key.vector_store_id)
  return true
}
