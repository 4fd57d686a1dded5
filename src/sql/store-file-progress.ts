/** The ingest progress of the files of a vector store. */
import type { Queryable } from '../database/database.ts'

export interface StoreFileProgress {
  /** null: the file is not split into chunks yet. */
  chunks: number | null
  /** Chunks that have their vectors. */
  embedded: number
  /** What was not read, or read in another way than usual, in sentences. */
  warnings: string[]
}

/** By file id. */
export async function findProgress(
  db: Queryable,
  vector_store_id: string,
  file_ids: readonly string[],
): Promise<Map<string, StoreFileProgress>> {
  const rows = await db.query<StoreFileProgress & { file_id: string }>({
    name: 'store_file_progress',
    text: `select file_id, chunk_count as chunks, embedded, coalesce(warnings, '[]') as warnings
           from vector_store_files
           where vector_store_id = $1 and file_id = any($2)`,
    values: [vector_store_id, file_ids],
  })
  return new Map(rows.map(({ file_id, ...progress }) => [file_id, progress]))
}
