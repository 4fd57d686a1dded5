/** The statements that write runs, any number at once: one for all changes, and a cheaper one for events alone. */
import type { Message } from '../api/messages.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import { messageColumns } from './messages.ts'
import { eventsJson, type LogEvent } from './run-events.ts'
import { stepColumns, type StepRow } from './run-steps.ts'
import type { RunRow } from './runs.ts'

/** The row of a run as its owner last wrote it. After a change by anybody else the write does nothing. */
export type OwnerFence = Pick<RunRow, 'lease_owner' | 'attempt' | 'revision' | 'writes'>

/** The condition of a write. `new`: the row does not exist. `locked`: this transaction has locked it. */
export type Fence = 'new' | 'locked' | OwnerFence

/** The changes of one run, which are written completely or not at all. */
export interface RunWrite<F extends Fence = Fence> {
  fence: F
  /** The row after the write. */
  row: RunRow
  events: readonly LogEvent[]
  steps: readonly StepRow[]
  messages: readonly Message[]
  /** Ids of messages and steps to delete. */
  removed: readonly string[]
  /** A thread to create with the run. */
  thread?: Thread
  /** A new run is not created when its assistant has another version by now. */
  assistantVersion?: string | undefined
}

/** The counters of a row after the write. */
type Written = Pick<RunRow, 'event_count' | 'revision' | 'writes'>

type WrittenRow = Written & Pick<RunRow, 'id'>

const byRun = (rows: WrittenRow[]) => new Map(rows.map(({ id, ...written }) => [id, written]))

/**
 * Writes the runs whose fence holds, and returns their counters by run id; the others are missing. Rows are locked in
 * the order of their ids. `notifications` reach the other processes at commit, unless no run was written.
 */
export async function writeRuns(
  db: Queryable,
  writes: readonly RunWrite[],
  notifications: readonly string[],
): Promise<Map<string, Written>> {
  const project = (write: RunWrite) => ({ project: write.row.project })
  const rows = await db.query<WrittenRow>({
    name: 'write_runs',
    text: writeRunsSql,
    values: [
      `[${writes.map(runJson).join(',')}]`,
      JSON.stringify(writes.flatMap((write) => write.steps.map((step) => ({ ...step, ...project(write) })))),
      JSON.stringify(
        writes.flatMap((write) =>
          write.messages.map((message) => ({ ...message, ...project(write), written_by: write.row.id })),
        ),
      ),
      JSON.stringify(
        writes.flatMap((write) =>
          write.thread ? [{ ...write.thread, ...project(write), written_by: write.row.id }] : [],
        ),
      ),
      JSON.stringify(writes.flatMap((write) => write.removed.map((id) => ({ id, run_id: write.row.id })))),
      notifications,
    ],
  })
  return byRun(rows)
}

/**
 * As `writeRuns`, for writes of owners that only append events: the rows change in their counters only. It costs the
 * database less than half of `writeRuns`.
 */
export async function appendEvents(
  db: Queryable,
  writes: readonly RunWrite<OwnerFence>[],
  notifications: readonly string[],
): Promise<Map<string, Written>> {
  const rows = await db.query<WrittenRow>({
    name: 'append_events',
    text: appendEventsSql,
    values: [`[${writes.map(appendJson).join(',')}]`, notifications],
  })
  return byRun(rows)
}

function runJson({ fence, row, events, assistantVersion }: RunWrite): string {
  const { settings, metadata, deadline, ...fields } = row
  const run = { ...fields, expires_at: deadline, ...(fence === 'new' && { settings, metadata }) }
  const owner =
    fence === 'new' || fence === 'locked'
      ? { fence, version: assistantVersion }
      : { fence: 'owner', ...ownerJson(fence) }
  return withEvents({ ...owner, run }, events)
}

function appendJson({ fence, row, events }: RunWrite<OwnerFence>): string {
  return withEvents({ id: row.id, ...ownerJson(fence) }, events)
}

function ownerJson({ lease_owner, attempt, revision, writes }: OwnerFence) {
  return { worker: lease_owner, attempt, revision, writes }
}

function withEvents(fields: object, events: readonly LogEvent[]): string {
  const rest = JSON.stringify({ ...fields, count: events.length })
  return `${rest.slice(0, -1)},"entries":${eventsJson(events)}}`
}

/** The NOTIFY channel of hints; the payloads are those of `runs/hints.ts`. */
export const hintChannel = 'spool_runs'

/** Seconds before a run is recovered again, after the first, second … recovery without progress. */
const pauseSeconds = 'power(4, least(i.recoveries, 5))'

/** The fence of an owner. */
const isOwners = `r.lease_owner = i.worker and r.attempt = i.fence_attempt and r.revision = i.fence_revision
    and r.writes = i.fence_writes and r.status in ('in_progress', 'cancelling')`

const notified = (payloads: string) =>
  `(select count(*) from unnest(${payloads}::text[]) p, lateral pg_notify('${hintChannel}', p)) as notified`

const writeRunsSql = `
with input as materialized (
  select w.fence, w.version, w.worker, w.attempt as fence_attempt, w.revision as fence_revision,
         w.writes as fence_writes, w.count, w.entries, n.*
  from json_to_recordset($1) as w(fence text, version text, worker text, attempt int, revision int, writes int,
                                  count int, entries json, run json),
       json_populate_record(null::runs, w.run) n
), fenced as materialized (
  select r.id from runs r join input i on i.id = r.id
  where i.fence = 'locked'
     or (i.fence = 'owner' and ${isOwners})
  order by r.id for update of r
), updated as (
  update runs r set
    status = i.status, started_at = i.started_at, cancelled_at = i.cancelled_at, failed_at = i.failed_at,
    completed_at = i.completed_at, required_action = i.required_action, last_error = i.last_error,
    incomplete_details = i.incomplete_details, usage = i.usage, trace = i.trace,
    lease_owner = i.lease_owner, attempt = i.attempt, recoveries = i.recoveries, losses = i.losses,
    queued_at = case when i.status = 'queued' then clock_timestamp() else r.queued_at end,
    claimable_at = case when i.recoveries = 0 then '-infinity'
                        when i.recoveries > r.recoveries then clock_timestamp() + make_interval(secs => ${pauseSeconds})
                        else r.claimable_at end,
    event_count = r.event_count + i.count,
    revision = r.revision + case when i.fence = 'owner' then 0 else 1 end,
    writes = r.writes + case when i.fence = 'owner' then 1 else 0 end,
    written = case when i.fence = 'owner' then r.event_count + i.count else r.written end
  from input i where i.id = r.id and r.id in (select id from fenced)
  returning r.id, r.event_count, r.revision, r.writes
), inserted as (
  insert into runs (id, project, thread_id, assistant_id, status, created_at, started_at, expires_at, metadata,
                    settings, event_count, lease_owner, attempt)
  select id, project, thread_id, assistant_id, status, created_at, started_at, expires_at, metadata, settings,
         count, lease_owner, attempt
  from input i where fence = 'new' and (version is null or exists (
    select 1 from assistants a where a.id = i.assistant_id and a.project = i.project and a.xmin::text = version))
  returning id, event_count, revision, writes
), written as (
  select * from updated union all select * from inserted
), logged as (
  insert into run_events (run_id, first, last, entries)
  select w.id, w.event_count - i.count + 1, w.event_count, i.entries
  from written w join input i on i.id = w.id where i.count > 0
), removed as (
  select r.id from json_to_recordset($5) as r(id text, run_id text) where r.run_id in (select id from written)
), removed_steps as (
  delete from run_steps where id in (select id from removed)
), removed_messages as (
  delete from messages where id in (select id from removed)
), threads_created as (
  insert into threads (id, project, created_at, metadata, tool_resources)
  select t.id, t.project, t.created_at, t.metadata, t.tool_resources
  from json_array_elements($4) e, json_populate_record(null::threads, e) t
  where e ->> 'written_by' in (select id from written)
), steps_written as (
  insert into run_steps (project, ${stepColumns})
  select project, ${stepColumns}
  from json_populate_recordset(null::run_steps, $2) where run_id in (select id from written)
  on conflict (id) do update set status = excluded.status, cancelled_at = excluded.cancelled_at,
    completed_at = excluded.completed_at, expired_at = excluded.expired_at, failed_at = excluded.failed_at,
    last_error = excluded.last_error, step_details = excluded.step_details, usage = excluded.usage,
    turn = excluded.turn
), messages_written as (
  insert into messages (project, ${messageColumns})
  select project, ${messageColumns}
  from json_to_recordset($3) as w(written_by text, id text)
       join json_populate_recordset(null::messages, $3) m using (id)
  where written_by in (select id from written)
  on conflict (id) do update set status = excluded.status, incomplete_details = excluded.incomplete_details,
    incomplete_at = excluded.incomplete_at, completed_at = excluded.completed_at, content = excluded.content,
    attachments = excluded.attachments
)
select w.*, ${notified('$6')} from written w`

const appendEventsSql = `
with input as materialized (
  select w.id, w.worker, w.attempt as fence_attempt, w.revision as fence_revision, w.writes as fence_writes,
         w.count, w.entries
  from json_to_recordset($1) as w(id text, worker text, attempt int, revision int, writes int, count int, entries json)
), fenced as materialized (
  select r.id from runs r join input i on i.id = r.id
  where ${isOwners}
  order by r.id for update of r
), written as (
  update runs r set event_count = r.event_count + i.count, writes = r.writes + 1, written = r.event_count + i.count
  from input i where i.id = r.id and r.id in (select id from fenced)
  returning r.id, r.event_count, r.revision, r.writes
), logged as (
  insert into run_events (run_id, first, last, entries)
  select w.id, w.event_count - i.count + 1, w.event_count, i.entries
  from written w join input i on i.id = w.id
)
select w.*, ${notified('$2')} from written w`
