/** Reads the text that was extracted from a file of a vector store. */
import { fileText } from '../search/file-text.ts'
import { findStoreFile } from '../sql/vector-store-files.ts'
import type { Context } from './context.ts'

/**
 * Returns undefined when the file is not in the vector store. `text` is the text in pieces, or undefined unless the file
 * is `completed`.
 */
export async function readStoreFile(
  { db }: Context,
  key: { project: string; vector_store_id: string; file_id: string },
): Promise<{ text: AsyncIterable<string> | undefined } | undefined> {
  const file = await findStoreFile(db, key)
  if (!file) return undefined
  const place = { vector_store_id: key.vector_store_id, store_file: file.seq }
  return { text: file.status === 'completed' ? fileText(db, place) : undefined }
}
