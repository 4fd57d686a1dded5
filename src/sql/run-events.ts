/** Rows of `run_events`: the log of each run, batches of entries numbered 1, 2, 3 … without gaps. */
import type { Queryable } from '../database/database.ts'

/** One event of a run. `data` is the payload as JSON text, which is serialized once for all readers. */
export interface Entry {
  event: string
  data: string
}

export interface NumberedEntry extends Entry {
  number: number
}

/** Entries in the format of the `entries` column. */
export function entriesJson(entries: readonly Entry[]): string {
  return `[${entries.map((entry) => `["${entry.event}",${entry.data}]`).join(',')}]`
}

/** The entries of up to `limit` rows of the log, from the entry after number `after`. A row holds a few KiB. */
export async function readEntries(
  db: Queryable,
  run_id: string,
  after: number,
  limit = 32,
): Promise<NumberedEntry[]> {
  const rows = await db.query<{ first: number; entries: [string, unknown][] }>({
    name: 'read_entries',
    text: 'select first, entries from run_events where run_id = $1 and last > $2 order by first limit $3',
    values: [run_id, after, limit],
  })
  return rows
    .flatMap((row) =>
      row.entries.map(([event, data], index) => ({
        number: row.first + index,
        event,
        data: JSON.stringify(data),
      })),
    )
    .filter((entry) => entry.number > after)
}

/** Deletes the logs of up to `limit` runs that were created before `createdBefore` and have ended; returns how many. */
export async function pruneRunLogs(db: Queryable, createdBefore: number, limit: number): Promise<number> {
  const runs = await db.query({
    name: 'prune_run_logs',
    text: `with old as (
             select id from runs
             where has_log and created_at < $1
               and status in ('completed', 'failed', 'incomplete', 'cancelled', 'expired')
             order by created_at limit $2 for update skip locked
           ), pruned as (
             delete from run_events where run_id in (select id from old)
           )
           update runs set has_log = false where id in (select id from old) returning id`,
    values: [createdBefore, limit],
  })
  return runs.length
}
