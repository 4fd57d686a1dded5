/** Rows of `run_work`: the work of runs, for their traces. */
import type { RunWork } from '../api/run-work.ts'
import type { Queryable } from '../database/database.ts'

/** A piece of work of a run. It is written again when it changes. */
export interface WorkRow {
  run_id: string
  work: RunWork
}

/** Writes pieces of work. Work of deleted runs is skipped. */
export async function saveWork(db: Queryable, rows: readonly WorkRow[]): Promise<void> {
  await db.query({
    name: 'save_work',
    text: `insert into run_work (id, run_id, started_at, queued_at, body)
           select w.id, r.id, w.started_at, floor(extract(epoch from r.queued_at) * 1000), w.body
           from unnest($1::text[], $2::text[], $3::bigint[], $4::json[]) as w (id, run_id, started_at, body)
           join runs r on r.id = w.run_id
           on conflict (id) do update set body = excluded.body`,
    values: [
      rows.map(({ work }) => work.id),
      rows.map(({ run_id }) => run_id),
      rows.map(({ work }) => work.started_ms),
      rows.map(({ work }) => JSON.stringify(work)),
    ],
  })
}

/** The largest number of pieces in one answer. */
const limit = 500

/** The work of a run, in the order in which it started: the first 500 pieces. */
export async function findWork(db: Queryable, run_id: string): Promise<RunWork[]> {
  const rows = await db.query<{ queued_at: number; body: RunWork }>({
    name: 'find_work',
    text: `select queued_at, body from run_work where run_id = $1 order by started_at, id limit ${limit}`,
    values: [run_id],
  })
  // The worker does not know how long the run was queued; the database does.
  return rows.map(({ queued_at, body }) =>
    body.kind === 'worker' ? { ...body, queued_ms: queued_at } : body,
  )
}

/** The largest number of rows that one statement deletes. */
const batch = 1000

/** Deletes up to 1,000 pieces that began before a time in Unix ms; returns how many. */
export async function removeOldWork(db: Queryable, before: number): Promise<number> {
  const rows = await db.query({
    text: `delete from run_work where id in (select id from run_work where started_at < $1 limit ${batch})
           returning id`,
    values: [before],
  })
  return rows.length
}
