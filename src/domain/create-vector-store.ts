/** Creates a vector store. */
import type { CreateVectorStoreRequest, VectorStore } from '../api/vector-stores.ts'
import { findVectorStore } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'
import { insertNewStore, newStoreFiles, newVectorStoreId, type NewVectorStore } from './fill-vector-store.ts'

export async function createVectorStore(
  context: Context,
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
  const created = await context.db.transaction(async (tx) => {
    await insertNewStore(context, tx, { project, store })
    return findVectorStore(tx, { project, id: store.id }, nowSeconds(context.clock))
  })
  if (!created) throw new Error(`expected the vector store ${store.id} to exist`)
  if (store.files.length > 0) context.hints.send({ kind: 'ingest' })
  return created
}
