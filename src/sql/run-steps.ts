/** Rows of `run_steps`. */
import type { RunStep } from '../api/run-steps.ts'
import type { Usage } from '../api/runs.ts'
import type { Queryable } from '../database/database.ts'
import { listRows, mapPage, type Page, type PageQuery } from './pages.ts'

/** A tool call as the model made it, and its outcome. */
export interface RecordedCall {
  id: string
  name: string
  arguments: string
  /** The outcome for the model; null while the call is open. */
  output: string | null
  /** Texts that become annotations where the answer contains them. */
  marks?: Mark[]
  /** File ids of images that come before the text of the next message. */
  image_file_ids?: string[]
  /** Opaque JSON text that the provider expects back with the call; see `RecordedTurn.origin`. */
  extras?: string
}

/** A text that points to a file, such as a citation mark or a link to a file that code has written. */
export interface Mark {
  text: string
  type: 'file_citation' | 'file_path'
  file_id: string
}

/**
 * What is stored of a turn, so that later prompts repeat it exactly and a new owner of the run continues from it. Of a
 * turn that is only text it is stored only where the provider expects extra data back.
 */
export interface RecordedTurn {
  calls: RecordedCall[]
  usage: Usage
  /** The ids of the messages with the text of this turn, in order. */
  message_ids?: string[]
  /** The provider that wrote the extra data of the turn and of its calls. No other provider may get them. */
  origin?: string
  /** Opaque JSON text that the provider expects back with the turn. Never shown to clients. */
  extras?: string
}

/** A step as stored: the wire object and the model turn behind it. */
export type StepRow = Omit<RunStep, 'expired_at'> & { expired_at: number | null; turn: RecordedTurn | null }

const columns = `id, created_at, run_id, assistant_id, thread_id, type, status, cancelled_at, completed_at,
  expires_at, expired_at, failed_at, last_error, step_details, usage`
/** All columns but `project` and `seq`. */
export const stepColumns = `${columns}, turn`

/** Whether the step shows the text of the passages that file_search found; the API does so on request only. */
export interface StepView {
  withSearchContent: boolean
}

/** The wire object. `expires_at` of a completed step is null, as in the live API outside of streams. */
function toRunStep(row: StepRow, view: StepView): RunStep {
  return { ...stepPayload(row, view), expires_at: row.status === 'completed' ? null : row.expires_at }
}

/** The wire object as streams send it. */
export function stepPayload(row: StepRow, view: StepView): RunStep {
  return {
    id: row.id,
    object: 'thread.run.step',
    created_at: row.created_at,
    run_id: row.run_id,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    type: row.type,
    status: row.status,
    cancelled_at: row.cancelled_at,
    completed_at: row.completed_at,
    expires_at: row.expires_at,
    ...(row.expired_at !== null && { expired_at: row.expired_at }),
    failed_at: row.failed_at,
    last_error: row.last_error,
    step_details: view.withSearchContent ? row.step_details : withoutSearchContent(row.step_details),
    usage: row.usage,
  }
}

export function withoutSearchContent(details: RunStep['step_details']): RunStep['step_details'] {
  if (details.type !== 'tool_calls') return details
  const tool_calls = details.tool_calls.map((call) => {
    if (call.type !== 'file_search') return call
    const results = call.file_search.results.map(({ content: _, ...result }) => result)
    return { ...call, file_search: { ...call.file_search, results } }
  })
  return { ...details, tool_calls }
}

export async function findRunStep(
  db: Queryable,
  key: { project: string; thread_id: string; run_id: string; id: string },
  view: StepView,
): Promise<RunStep | undefined> {
  const [row] = await db.query<StepRow>({
    name: 'find_run_step',
    text: `select ${columns} from run_steps where id = $1 and run_id = $2 and thread_id = $3 and project = $4`,
    values: [key.id, key.run_id, key.thread_id, key.project],
  })
  return row && toRunStep(row, view)
}

export async function listRunSteps(
  db: Queryable,
  { project, thread_id, run_id }: { project: string; thread_id: string; run_id: string },
  page: PageQuery & StepView,
): Promise<Page<RunStep>> {
  const rows = await listRows<StepRow>(db, {
    table: 'run_steps',
    columns,
    where: { run_id, thread_id, project },
    page,
  })
  return mapPage(rows, (row) => toRunStep(row, page))
}

/** All steps of a run with their model turns, in order. */
export async function stepsOfRun(db: Queryable, run_id: string): Promise<StepRow[]> {
  return db.query<StepRow>({
    name: 'steps_of_run',
    text: `select ${stepColumns} from run_steps where run_id = $1 order by seq`,
    values: [run_id],
  })
}

/** Steps of a thread with `seq` of at least `fromSeq`, in order. Prompts are built from them. */
export async function stepsOfThread(
  db: Queryable,
  thread_id: string,
  fromSeq: number,
): Promise<(StepRow & { seq: number })[]> {
  return db.query<StepRow & { seq: number }>({
    name: 'steps_of_thread',
    text: `select seq, ${stepColumns} from run_steps where thread_id = $1 and seq >= $2 order by seq`,
    values: [thread_id, fromSeq],
  })
}

/** The number of tool calls in the steps of a thread. */
export async function callsOfThread(db: Queryable, thread_id: string): Promise<number> {
  const [row] = await db.query<{ count: number }>({
    name: 'calls_of_thread',
    text: `select coalesce(sum(json_array_length(turn -> 'calls')), 0)::int as count
           from run_steps where thread_id = $1 and turn is not null`,
    values: [thread_id],
  })
  return row?.count ?? 0
}
