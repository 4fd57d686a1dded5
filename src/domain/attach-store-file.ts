/** Puts files into vector stores; bringing them in is the worker's work. */
import type { ChunkingStrategyRequest } from '../api/chunking.ts'
import { expandChunkingStrategy } from '../api/chunking.ts'
import { errors } from '../api/errors.ts'
import type { Attributes } from '../api/metadata.ts'
import type { CreateVectorStoreFileRequest, VectorStoreFile } from '../api/vector-stores.ts'
import { extensionOf, formatOf } from '../documents/index.ts'
import { hasWindows, removeChunks } from '../sql/chunks.ts'
import type { Queryable } from '../database/database.ts'
import { shareFiles, type FileRow } from '../sql/files.ts'
import {
  findStoreFile,
  insertStoreFiles,
  restartStoreFiles,
  updateAttributes,
  type NewStoreFile,
} from '../sql/vector-store-files.ts'
import {
  expiryOf,
  isExpired,
  lockVectorStore,
  raiseVersion,
  updateVectorStore,
  type StoreKey,
  type VectorStoreRow,
} from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Throws 404 for the first that is no file of the project, and 400 when some cannot be searched by their names. */
export function checkSearchable(files: ReadonlyMap<string, FileRow>, file_ids: readonly string[]): void {
  const refused = new Set<string>()
  for (const id of file_ids) {
    const file = files.get(id)
    if (!file) throw errors.notFound('file', id)
    if (!formatOf(file.filename)) refused.add(extensionOf(file.filename) || 'none')
  }
  if (refused.size > 0) throw errors.unsupportedFile([...refused])
}

/**
 * Locks a store that more is about to be put into: it must be there and its time not be over. A store without vectors
 * is made over to the embedder of now; one with vectors of another refuses.
 */
export async function openStore(context: Context, tx: Queryable, key: StoreKey): Promise<VectorStoreRow> {
  const store = await lockVectorStore(tx, key)
  if (!store) throw errors.notFound('vector_store', key.id)
  if (isExpired(store, nowSeconds(context.clock))) throw errors.vectorStoreExpired(key.id)
  const { embedder } = context.retrieval
  if (store.embedder === embedder.id) return store
  if (await hasWindows(tx, store.id)) throw errors.embedderChanged(store.id, store.embedder, embedder.id)
  return { ...store, embedder: embedder.id }
}

/** Adds checked files to a locked store. */
export async function addToStore(
  context: Context,
  tx: Queryable,
  store: VectorStoreRow,
  files: readonly NewStoreFile[],
): Promise<void> {
  if (files.length === 0) return
  const now = nowSeconds(context.clock)
  const last_active_at = Math.max(store.last_active_at, now)
  const expires_at = expiryOf(store.expires_after, last_active_at)
  await updateVectorStore(tx, { ...store, last_active_at, expires_at })
  const place = { project: store.project, vector_store_id: store.id, now }
  const added = await insertStoreFiles(tx, place, files)
  if (added.length < files.length) await updateStoreFiles(tx, store.id, files)
  await context.hints.announce(tx, { kind: 'ingest' })
}

/** Files that are in the store already take the settings of the request. */
async function updateStoreFiles(
  tx: Queryable,
  vector_store_id: string,
  files: readonly NewStoreFile[],
): Promise<void> {
  await updateAttributes(tx, vector_store_id, files)
  const restarted = await restartStoreFiles(tx, vector_store_id, files)
  if (restarted.length === 0) return
  await removeChunks(tx, vector_store_id, restarted)
  await raiseVersion(tx, vector_store_id)
}

/** The rows for files with the same settings, each file once. */
export function newStoreFiles(
  file_ids: readonly string[],
  settings: {
    chunking_strategy?: ChunkingStrategyRequest | undefined
    attributes?: Attributes | null | undefined
  },
): NewStoreFile[] {
  return [...new Set(file_ids)].map((file_id) => ({
    file_id,
    chunking_strategy: settings.chunking_strategy && expandChunkingStrategy(settings.chunking_strategy),
    attributes: settings.attributes ?? undefined,
  }))
}

/** The same file again is the entry that is there; one that failed or was cancelled is begun anew. */
export async function attachStoreFile(
  context: Context,
  place: { project: string; vector_store_id: string },
  request: CreateVectorStoreFileRequest,
): Promise<VectorStoreFile> {
  const { project, vector_store_id } = place
  const { file_id } = request
  const attached = await context.db.transaction(async (tx) => {
    // Files are locked before stores, as by those who delete them; the store is missed first all the same.
    const files = await shareFiles(tx, project, [file_id], { deleting: 'wait' })
    const store = await openStore(context, tx, { project, id: vector_store_id })
    checkSearchable(files, [file_id])
    await addToStore(context, tx, store, newStoreFiles([file_id], request))
    const found = await findStoreFile(tx, { project, vector_store_id, file_id })
    if (!found) throw new Error(`expected file ${file_id} to be in ${vector_store_id}`)
    const { seq: _, ...file } = found
    return file
  })
  context.hints.tell({ kind: 'ingest' })
  return attached
}
