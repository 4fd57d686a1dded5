/** Makes vector stores, alone or along with an assistant or a thread. */
import type { CreateVectorStoreRequest, VectorStore } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { shareFiles } from '../sql/files.ts'
import type { NewStoreFile } from '../sql/vector-store-files.ts'
import { expiryOf, findVectorStore, insertVectorStore, type VectorStoreRow } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import { newHexId } from '../util/ids.ts'
import { addToStore, checkSearchable, newStoreFiles } from './attach-store-file.ts'
import type { Context } from './context.ts'

export interface NewStore extends Pick<
  VectorStoreRow,
  'name' | 'description' | 'expires_after' | 'metadata'
> {
  id: string
  files: NewStoreFile[]
}

export function newStoreId(context: Context): string {
  return newHexId('vs_', nowSeconds(context.clock))
}

export async function createVectorStore(
  context: Context,
  project: string,
  request: CreateVectorStoreRequest,
): Promise<VectorStore> {
  const { name, description, expires_after, metadata, file_ids, chunking_strategy } = request
  const made: NewStore = {
    id: newStoreId(context),
    name: name ?? null,
    description: description ?? null,
    expires_after: expires_after ?? null,
    metadata: metadata ?? {},
    files: newStoreFiles(file_ids, { chunking_strategy }),
  }
  const store = await context.db.transaction(async (tx) => {
    await makeStore(context, tx, { project, made })
    return findVectorStore(tx, { project, id: made.id }, nowSeconds(context.clock))
  })
  if (!store) throw new Error(`expected the store ${made.id} to be there`)
  if (made.files.length > 0) context.hints.tell({ kind: 'ingest' })
  return store
}

/** Throws as `checkSearchable` does when the files cannot be taken. */
export async function makeStore(
  context: Context,
  tx: Queryable,
  { project, made }: { project: string; made: NewStore },
): Promise<void> {
  const { files, ...fields } = made
  const ids = files.map((file) => file.file_id)
  if (ids.length > 0) checkSearchable(await shareFiles(tx, project, ids, { deleting: 'wait' }), ids)
  const now = nowSeconds(context.clock)
  const row: VectorStoreRow = {
    ...fields,
    project,
    created_at: now,
    expires_at: expiryOf(made.expires_after, now),
    last_active_at: now,
    embedder: context.retrieval.embedder.id,
    version: 0,
    is_expired: false,
  }
  await insertVectorStore(tx, row)
  await addToStore(context, tx, row, files)
}
