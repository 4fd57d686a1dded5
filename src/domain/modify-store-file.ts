/** Replaces the attributes of a file of a vector store. */
import type { ModifyVectorStoreFileRequest, VectorStoreFile } from '../api/vector-stores.ts'
import { setAttributes } from '../sql/vector-store-files.ts'
import type { Context } from './context.ts'

/** Returns undefined when the file is not in the vector store. */
export function modifyStoreFile(
  { db }: Context,
  key: { project: string; vector_store_id: string; file_id: string },
  { attributes }: ModifyVectorStoreFileRequest,
): Promise<VectorStoreFile | undefined> {
  return setAttributes(db, key, attributes ?? {})
}
