/** Rows of `run_events`: the log of each run, batches of events numbered 1, 2, 3 … without gaps. */
import type { Queryable } from '../database/database.ts'

/** An event for the log of a run. `data` is the payload as JSON text, which is serialized once for all readers. */
export interface LogEvent {
  event: string
  data: string
}

/** An event that is in the log. */
export interface NumberedEvent extends LogEvent {
  number: number
}

/** Events in the format of the column `entries`. */
export function eventsJson(events: readonly LogEvent[]): string {
  return `[${events.map(({ event, data }) => `["${event}",${data}]`).join(',')}]`
}

/** The events of up to `limit` rows of the log, beginning after event number `after`. A row holds a few KiB. */
export async function readEvents(
  db: Queryable,
  run_id: string,
  after: number,
  limit = 32,
): Promise<NumberedEvent[]> {
  const rows = await db.query<{ first: number; entries: [string, unknown][] }>({
    name: 'read_events',
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
    .filter(({ number }) => number > after)
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
