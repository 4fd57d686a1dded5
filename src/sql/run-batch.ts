/** One statement that writes for all runs of a process: the fence, the rows and the log. */
import type { Message } from '../api/messages.ts'
import type { Queryable } from '../database/database.ts'
import { entriesJson, type Entry } from './run-events.ts'
import type { StepRow } from './run-steps.ts'
import type { RunFields, TraceEntry } from './runs.ts'

/** What the owner of a run wants written, all or nothing. */
export interface RunWrite {
  run_id: string
  project: string
  attempt: number
  /** The row's revision that the entries were made from; an older one writes nothing. */
  revision: number
  entries: Entry[]
  steps: StepRow[]
  messages: Message[]
  /** The run's new fields; absent when the run only goes on. */
  move?: RunFields
  /** A move is refused while a cancel stands, unless it closes the run for that cancel. */
  closesCancel?: boolean
  /** The lease ends with this move. */
  releases?: boolean
  /** A step was recorded: takeovers are counted anew. */
  recorded?: boolean
  trace?: TraceEntry[]
}

/** For each run that was written, the number of its last log entry. Runs that are missing were written nothing. */
export type BatchResult = Map<string, number>

/**
 * Locks the runs in id order where they still belong to the worker at that attempt, and writes to those alone.
 * `notify` is told to the other processes at commit.
 */
export async function writeRunBatch(
  db: Queryable,
  worker: string,
  writes: RunWrite[],
  notify: string | null,
): Promise<BatchResult> {
  const rows = await db.query<{ id: string; last: number }>({
    name: notify === null ? 'write_run_batch' : 'write_run_batch_and_notify',
    text: notify === null ? batchSql : batchSql.replace('/* notify */', `, pg_notify('spool_runs', $5)`),
    values: [
      worker,
      `[${writes.map(runJson).join(',')}]`,
      JSON.stringify(
        writes.flatMap((write) => write.steps.map((step) => ({ ...step, project: write.project }))),
      ),
      JSON.stringify(
        writes.flatMap((write) => write.messages.map((message) => ({ ...message, project: write.project }))),
      ),
      ...(notify === null ? [] : [notify]),
    ],
  })
  return new Map(rows.map((row) => [row.id, row.last]))
}

function runJson(write: RunWrite): string {
  const {
    run_id: id,
    attempt,
    revision,
    move,
    closesCancel = false,
    releases = false,
    recorded = false,
  } = write
  const row = { id, attempt, revision, moves: move !== undefined, closesCancel, releases, recorded, ...move }
  const rest = JSON.stringify({ ...row, trace: write.trace ?? null, count: write.entries.length })
  return `${rest.slice(0, -1)},"entries":${entriesJson(write.entries)}}`
}

const batchSql = `
with input as materialized (
  select * from json_to_recordset($2) as i(
    id text, attempt int, revision int, moves boolean, "closesCancel" boolean, releases boolean, recorded boolean,
    status text, started_at bigint, cancelled_at bigint, failed_at bigint, completed_at bigint,
    required_action json, last_error json, incomplete_details json, usage json, trace json, count int, entries json)
), fenced as materialized (
  select r.id from runs r join input i on i.id = r.id
  where r.lease_owner = $1 and r.attempt = i.attempt and r.revision = i.revision
    and ((r.status = 'in_progress' and not i."closesCancel")
      or (r.status = 'cancelling' and (i."closesCancel" or not i.moves)))
  order by r.id for update of r
), written as (
  update runs r set
    status = case when i.moves then i.status else r.status end,
    started_at = case when i.moves then i.started_at else r.started_at end,
    cancelled_at = case when i.moves then i.cancelled_at else r.cancelled_at end,
    failed_at = case when i.moves then i.failed_at else r.failed_at end,
    completed_at = case when i.moves then i.completed_at else r.completed_at end,
    required_action = case when i.moves then i.required_action else r.required_action end,
    last_error = case when i.moves then i.last_error else r.last_error end,
    incomplete_details = case when i.moves then i.incomplete_details else r.incomplete_details end,
    usage = case when i.moves then i.usage else r.usage end,
    lease_owner = case when i.releases then null else r.lease_owner end,
    takeovers = case when i.recorded then 0 else r.takeovers end,
    trace = coalesce(i.trace, r.trace),
    event_count = r.event_count + i.count
  from input i, fenced f where i.id = r.id and f.id = r.id
  returning r.id, r.event_count as last
), logged as (
  insert into run_events (run_id, first, last, entries)
  select w.id, w.last - i.count + 1, w.last, i.entries from written w join input i on i.id = w.id where i.count > 0
), stepped as (
  insert into run_steps (id, project, thread_id, run_id, assistant_id, created_at, type, status, cancelled_at,
    completed_at, expires_at, expired_at, failed_at, last_error, step_details, usage, turn)
  select s.id, s.project, s.thread_id, s.run_id, s.assistant_id, s.created_at, s.type, s.status, s.cancelled_at,
    s.completed_at, s.expires_at, s.expired_at, s.failed_at, s.last_error, s.step_details, s.usage, s.turn
  from json_populate_recordset(null::run_steps, $3) s where s.run_id in (select id from fenced)
  on conflict (id) do update set status = excluded.status, cancelled_at = excluded.cancelled_at,
    completed_at = excluded.completed_at, expired_at = excluded.expired_at, failed_at = excluded.failed_at,
    last_error = excluded.last_error, step_details = excluded.step_details, usage = excluded.usage,
    turn = excluded.turn
), said as (
  insert into messages (id, project, created_at, assistant_id, thread_id, run_id, status, incomplete_details,
    incomplete_at, completed_at, role, content, attachments, metadata)
  select m.id, m.project, m.created_at, m.assistant_id, m.thread_id, m.run_id, m.status, m.incomplete_details,
    m.incomplete_at, m.completed_at, m.role, m.content, m.attachments, m.metadata
  from json_populate_recordset(null::messages, $4) m where m.run_id in (select id from fenced)
  on conflict (id) do update set status = excluded.status, incomplete_details = excluded.incomplete_details,
    incomplete_at = excluded.incomplete_at, completed_at = excluded.completed_at, content = excluded.content,
    attachments = excluded.attachments
)
select id, last /* notify */ from written`
