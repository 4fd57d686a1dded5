/** Rows of `file_batches`. */
import type { FileCounts, VectorStoreFileBatch } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { insertRow } from './rows.ts'
import { fileCountColumns } from './vector-stores.ts'

interface BatchRow {
  id: string
  vector_store_id: string
  created_at: number
  is_cancelled: boolean
  counts: FileCounts
}

export interface BatchKey {
  project: string
  vector_store_id: string
  id: string
}

/** The status is computed from the files, so that it always agrees with the counts. */
function toBatch(row: BatchRow): VectorStoreFileBatch {
  return {
    id: row.id,
    object: 'vector_store.file_batch',
    created_at: row.created_at,
    status: statusOf(row),
    vector_store_id: row.vector_store_id,
    file_counts: row.counts,
  }
}

function statusOf({ is_cancelled, counts }: BatchRow): VectorStoreFileBatch['status'] {
  if (counts.in_progress > 0) return 'in_progress'
  if (is_cancelled) return 'cancelled'
  return counts.total > 0 && counts.failed === counts.total ? 'failed' : 'completed'
}

/** Inserts a batch with its files, which are in the store already. */
export async function insertBatch(
  tx: Queryable,
  batch: BatchKey & { created_at: number },
  store_files: readonly number[],
): Promise<void> {
  await insertRow(tx, 'file_batches', 'id, project, vector_store_id, created_at', batch)
  await tx.query({
    text: 'insert into file_batch_files (batch_id, store_file) select $1, unnest($2::bigint[])',
    values: [batch.id, store_files],
  })
}

export async function findBatch(db: Queryable, key: BatchKey): Promise<VectorStoreFileBatch | undefined> {
  const [row] = await db.query<BatchRow>({
    name: 'find_batch',
    text: `select b.id, b.vector_store_id, b.created_at, b.is_cancelled, (
             select json_build_object(${fileCountColumns}) from files_of_batches f where f.batch_id = b.id) as counts
           from file_batches b where b.id = $1 and b.vector_store_id = $2 and b.project = $3`,
    values: [key.id, key.vector_store_id, key.project],
  })
  return row && toBatch(row)
}

export async function markCancelled(tx: Queryable, id: string): Promise<void> {
  await tx.query({ text: 'update file_batches set is_cancelled = true where id = $1', values: [id] })
}
