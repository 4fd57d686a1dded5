/** Adds files to new and existing vector stores. The ingest worker reads and embeds them. */
import type { ChunkingStrategyRequest } from '../api/chunking.ts'
import { expandChunkingStrategy } from '../api/chunking.ts'
import { errors } from '../api/errors.ts'
import type { Attributes } from '../api/metadata.ts'
import { extensionOf, formatOf } from '../documents/index.ts'
import { hasWindows, removeChunks } from '../sql/chunks.ts'
import type { Queryable } from '../database/database.ts'
import { lockFilesShared, type FileRow } from '../sql/files.ts'
import {
  insertStoreFiles,
  restartStoreFiles,
  updateAttributes,
  type NewStoreFile,
} from '../sql/vector-store-files.ts'
import {
  expiryOf,
  insertVectorStore,
  isExpired,
  lockVectorStore,
  raiseVersion,
  updateVectorStore,
  type StoreKey,
  type VectorStoreRow,
} from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import { newHexId } from '../util/ids.ts'
import type { Context } from './context.ts'

/** What adding files to a vector store uses. */
export type FillContext = Pick<Context, 'clock' | 'db' | 'hints' | 'retrieval'>

/** Throws 404 for the first file that does not exist, and 400 for names whose extension is not supported. */
export function checkSearchable(
  { retrieval }: Pick<Context, 'retrieval'>,
  files: ReadonlyMap<string, FileRow>,
  file_ids: readonly string[],
): void {
  const hasOcr = retrieval.parsers.ocr !== undefined
  const refused = new Set<string>()
  for (const id of file_ids) {
    const file = files.get(id)
    if (!file) throw errors.notFound('file', id)
    if (!formatOf(file.filename, hasOcr)) refused.add(extensionOf(file.filename) || 'none')
  }
  if (refused.size > 0) throw errors.unsupportedFile([...refused])
}

/**
 * Locks a vector store to add files. Throws when it does not exist, has expired, or has vectors of another embedder. A
 * store without vectors gets the embedder of this server.
 */
export async function lockStoreToFill(
  context: Pick<Context, 'clock' | 'retrieval'>,
  tx: Queryable,
  key: StoreKey,
): Promise<VectorStoreRow> {
  const store = await lockVectorStore(tx, key)
  if (!store) throw errors.notFound('vector_store', key.id)
  if (isExpired(store, nowSeconds(context.clock))) throw errors.vectorStoreExpired(key.id)
  const { embedder } = context.retrieval
  if (store.embedder === embedder.id) return store
  if (await hasWindows(tx, store.id)) throw errors.embedderChanged(store.id, store.embedder, embedder.id)
  return { ...store, embedder: embedder.id }
}

export interface NewVectorStore extends Pick<
  VectorStoreRow,
  'name' | 'description' | 'expires_after' | 'metadata'
> {
  id: string
  files: NewStoreFile[]
}

export function newVectorStoreId({ clock }: Pick<Context, 'clock'>): string {
  return newHexId('vs_', nowSeconds(clock))
}

/** Throws as `checkSearchable` does when the files cannot be added. */
export async function insertNewStore(
  context: FillContext,
  tx: Queryable,
  { project, store }: { project: string; store: NewVectorStore },
): Promise<void> {
  const { files, ...fields } = store
  const ids = files.map((file) => file.file_id)
  if (ids.length > 0)
    checkSearchable(context, await lockFilesShared(tx, project, ids, { deleting: 'wait' }), ids)
  const now = nowSeconds(context.clock)
  const row: VectorStoreRow = {
    ...fields,
    project,
    created_at: now,
    expires_at: expiryOf(store.expires_after, now),
    last_active_at: now,
    embedder: context.retrieval.embedder.id,
    version: 0,
    is_expired: false,
  }
  await insertVectorStore(tx, row)
  await addFiles(context, tx, row, files)
}

/** Adds checked files to a locked store. */
export async function addFiles(
  context: FillContext,
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

/** Applies the settings of the request to files that are in the store already. */
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
