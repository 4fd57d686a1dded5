/** What deleted objects leave behind: rows that nothing refers to, queued with the deletion and removed in batches. */
import type { Database, Queryable } from '../database/database.ts'

/** The largest number of rows of one table that one transaction removes. */
const batch = 1000
const runsAtOnce = 50
const maxStoreFile = 9_223_372_036_854_775_807n

/** Queues the chunks of a vector store, or of one of its files. No row may be added to them any more. */
export async function queueChunks(
  tx: Queryable,
  vector_store_id: string,
  store_file?: number,
): Promise<void> {
  await tx.query({
    text: 'insert into removed_chunks (vector_store_id, store_file) values ($1, $2) on conflict do nothing',
    values: [vector_store_id, store_file ?? 0],
  })
}

/** Removes up to 1,000 queued chunks, as many windows and pages of indexes. Returns 0 when nothing is queued. */
export function removeQueuedChunks(db: Database): Promise<number> {
  return db.transaction(async (tx) => {
    const [place] = await tx.query<{ vector_store_id: string; store_file: number }>({
      name: 'lock_removed_chunks',
      text: `select vector_store_id, store_file from removed_chunks
             order by vector_store_id, store_file limit 1 for update skip locked`,
    })
    if (!place) return 0
    const { vector_store_id, store_file } = place
    const last = store_file === 0 ? maxStoreFile : store_file
    const values = [vector_store_id, store_file, String(last)]
    const scope = 'vector_store_id = $1 and store_file between $2 and $3'
    let isDone = await removeBatches(tx, ['chunk_windows', 'chunks'], { scope, values })
    if (store_file === 0) {
      const ofStore = { scope: 'vector_store_id = $1', values: [vector_store_id] }
      isDone = (await removeBatches(tx, ['index_pages', 'index_segments'], ofStore)) && isDone
    }
    if (isDone) {
      await tx.query({
        text: 'delete from removed_chunks where vector_store_id = $1 and store_file = $2',
        values: [vector_store_id, store_file],
      })
    }
    return 1
  })
}

/** Removes up to 1,000 queued rows of run logs and as many of traces. Returns 0 when nothing is queued. */
export function removeQueuedRuns(db: Database): Promise<number> {
  return db.transaction(async (tx) => {
    const runs = await tx.query<{ run_id: string }>({
      name: 'lock_removed_runs',
      text: 'select run_id from removed_runs order by run_id limit $1 for update skip locked',
      values: [runsAtOnce],
    })
    if (runs.length === 0) return 0
    const values = [runs.map(({ run_id }) => run_id)]
    const scope = 'run_id = any($1)'
    if (await removeBatches(tx, ['run_events', 'run_work'], { scope, values })) {
      await tx.query({ text: `delete from removed_runs where ${scope}`, values })
    }
    return runs.length
  })
}

/** Returns whether nothing is left in any of the tables. */
async function removeBatches(
  tx: Queryable,
  tables: readonly string[],
  { scope, values }: { scope: string; values: unknown[] },
): Promise<boolean> {
  let isDone = true
  for (const table of tables) {
    const [removed] = await tx.query<{ rows: number }>({
      name: `remove_batch_of_${table}`,
      text: `with removed as (
               delete from ${table}
               where ctid = any(array(select ctid from ${table} where ${scope} limit ${batch})) returning 1
             )
             select count(*) as rows from removed`,
      values,
    })
    isDone &&= removed?.rows !== batch
  }
  return isDone
}
