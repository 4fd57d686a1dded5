/** Reads rows of `runs`. run-writes.ts writes them; only the metadata, which users change, is written here. */
import type { Run } from '../api/runs.ts'
import type { Queryable } from '../database/database.ts'
import { listRows, mapPage, type Page, type PageQuery } from './pages.ts'
import { findRow } from './rows.ts'

/** The settings that a run copies from its assistant and its request. They never change. */
export type RunSettings = Pick<
  Run,
  | 'model'
  | 'instructions'
  | 'tools'
  | 'tool_resources'
  | 'temperature'
  | 'top_p'
  | 'reasoning_effort'
  | 'max_completion_tokens'
  | 'max_prompt_tokens'
  | 'truncation_strategy'
  | 'response_format'
  | 'tool_choice'
  | 'parallel_tool_calls'
> & {
  /** The files and vector stores of the run: those of the request where it names any, else the assistant's. */
  resources: Run['tool_resources']
  /** Whether the streamed steps of file_search contain the text of passages (`include[]`). */
  include_search_content: boolean
}

/** The fields that change while a run works. */
type RunFields = Pick<
  Run,
  | 'status'
  | 'started_at'
  | 'expires_at'
  | 'cancelled_at'
  | 'failed_at'
  | 'completed_at'
  | 'required_action'
  | 'last_error'
  | 'incomplete_details'
  | 'usage'
>

/** A fact for the operator that the run object does not show, such as the model that answered. */
export interface TraceEntry {
  at: number
  kind: string
  [detail: string]: unknown
}

/** The row of a run: the fields of the wire object, and the columns of leases and log. */
export interface RunRow extends RunFields {
  id: string
  project: string
  thread_id: string
  assistant_id: string
  created_at: number
  /** The latest end of the run. `expires_at` of the wire object is null once the run ended. */
  deadline: number
  metadata: Run['metadata']
  settings: RunSettings
  event_count: number
  /** Counts the changes of the row by anybody but the owner. */
  revision: number
  /** Counts the writes of owners. */
  writes: number
  /** The number of the last event of the latest such write. */
  written: number
  lease_owner: string | null
  attempt: number
  /** Recoveries after the loss of a worker, since the last recorded turn. */
  recoveries: number
  /** The recoveries in which the lost worker had already emitted something. */
  losses: number
  trace: TraceEntry[]
}

const ended = `('completed', 'failed', 'incomplete', 'cancelled')`

/** The column `expires_at` is the deadline. In the object it is null once the run ended, unless the run expired. */
export const runColumns = `id, project, thread_id, assistant_id, status, created_at, started_at,
  expires_at as deadline, case when status in ${ended} then null else expires_at end as expires_at,
  cancelled_at, failed_at, completed_at, required_action, last_error, incomplete_details, usage, metadata, settings,
  event_count, revision, writes, written, lease_owner, attempt, recoveries, losses, trace`

export function toRun(row: RunRow): Run {
  const { settings } = row
  return {
    id: row.id,
    object: 'thread.run',
    created_at: row.created_at,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    status: row.status,
    started_at: row.started_at,
    expires_at: row.expires_at,
    cancelled_at: row.cancelled_at,
    failed_at: row.failed_at,
    completed_at: row.completed_at,
    required_action: row.required_action,
    last_error: row.last_error,
    model: settings.model,
    instructions: settings.instructions,
    tools: settings.tools,
    tool_resources: settings.tool_resources,
    metadata: row.metadata,
    // A value that was not set is shown as 1, and is not sent to the model.
    temperature: settings.temperature ?? 1,
    top_p: settings.top_p ?? 1,
    reasoning_effort: settings.reasoning_effort,
    max_completion_tokens: settings.max_completion_tokens,
    max_prompt_tokens: settings.max_prompt_tokens,
    truncation_strategy: settings.truncation_strategy,
    incomplete_details: row.incomplete_details,
    usage: row.usage,
    response_format: settings.response_format,
    tool_choice: settings.tool_choice,
    parallel_tool_calls: settings.parallel_tool_calls,
  }
}

export interface RunKey {
  project: string
  thread_id: string
  id: string
}

export async function findRunRow(db: Queryable, key: RunKey): Promise<RunRow | undefined> {
  return findRow<RunRow>(db, {
    name: 'find_run',
    text: `select ${runColumns} from runs where id = $1 and thread_id = $2 and project = $3`,
    values: [key.id, key.thread_id, key.project],
  })
}

/** For a run whose thread is not known. */
export async function findRunOfProject(
  db: Queryable,
  project: string,
  id: string,
): Promise<RunRow | undefined> {
  const text = `select ${runColumns} from runs where id = $1 and project = $2`
  return findRow<RunRow>(db, { text, values: [id, project] })
}

/** Undefined when the run does not exist any more: the deletion of a thread deletes its runs. */
export async function statusOfRun(db: Queryable, id: string): Promise<Run['status'] | undefined> {
  const [row] = await db.query<Pick<Run, 'status'>>({
    name: 'status_of_run',
    text: 'select status from runs where id = $1',
    values: [id],
  })
  return row?.status
}

/** Those of the ids that are runs. */
export async function existingRuns(db: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>({
    text: 'select id from runs where id = any($1)',
    values: [ids],
  })
  return new Set(rows.map(({ id }) => id))
}

/** Locks the row. `owned`: a process with a valid lease owns it. */
export async function lockRun(
  tx: Queryable,
  key: RunKey,
): Promise<(RunRow & { owned: boolean }) | undefined> {
  return findRow<RunRow & { owned: boolean }>(tx, {
    name: 'lock_run',
    text: `select ${runColumns}, exists (
             select 1 from workers w where w.id = r.lease_owner and w.expires_at > clock_timestamp()) as owned
           from runs r where id = $1 and thread_id = $2 and project = $3 for update of r`,
    values: [key.id, key.thread_id, key.project],
  })
}

/** The id of the active run of the thread. */
export async function activeRunId(db: Queryable, thread_id: string): Promise<string | undefined> {
  const [row] = await db.query<{ id: string }>({
    name: 'active_run',
    text: `select id from runs where thread_id = $1
           and status in ('queued', 'in_progress', 'requires_action', 'cancelling')`,
    values: [thread_id],
  })
  return row?.id
}

export async function listRuns(
  db: Queryable,
  { project, thread_id }: { project: string; thread_id: string },
  page: PageQuery,
): Promise<Page<Run>> {
  const where = { thread_id, project }
  return mapPage(await listRows<RunRow>(db, { table: 'runs', columns: runColumns, where, page }), toRun)
}

/** Replaces the metadata of a run. The owner detects the change by `revision`. */
export async function updateRunMetadata(
  db: Queryable,
  key: RunKey,
  metadata: object,
): Promise<RunRow | undefined> {
  return findRow<RunRow>(db, {
    text: `update runs set metadata = $4, revision = revision + 1
           where id = $1 and thread_id = $2 and project = $3 returning ${runColumns}`,
    values: [key.id, key.thread_id, key.project, JSON.stringify(metadata)],
  })
}
