/** Checks records with the schemas of the API, and converts them to rows. */
import { z } from 'zod'
import { Assistant } from '../api/assistants.ts'
import { FileObject } from '../api/files.ts'
import { Message } from '../api/messages.ts'
import { RunStep, type StepToolCall } from '../api/run-steps.ts'
import { noUsage, Run } from '../api/runs.ts'
import { Thread } from '../api/threads.ts'
import { VectorStore, VectorStoreFile } from '../api/vector-stores.ts'
import type { RecordedCall, RecordedTurn } from '../sql/run-steps.ts'
import type { RunSettings } from '../sql/runs.ts'
import { dropUnknown } from './drop-unknown.ts'
import { normalize } from './normalize.ts'
import { kinds, type Fields, type Kind, type TransferRecord } from './records.ts'
import type { ReportBuilder } from './report.ts'
import { RunExtras, Turn } from './spool-extras.ts'

export interface Row extends Fields {
  id: string
  created_at: number
}

/** The status of a run that no worker of this server may continue. */
const activeStatuses: ReadonlySet<string> = new Set([
  'queued',
  'in_progress',
  'requires_action',
  'cancelling',
])
/** The time limit of a run when the export does not have it. */
const usualSeconds = 600

/** Exports may leave out settings of assistants that were never set. */
const schemas = {
  assistant: Assistant.extend({ temperature: z.number().nullable(), top_p: z.number().nullable() }),
  file: FileObject,
  vector_store: VectorStore,
  vector_store_file: VectorStoreFile,
  thread: Thread,
  run: Run,
  message: Message,
  step: RunStep,
} satisfies Record<Kind, z.ZodType>

/** The fields of each kind that become null when an export does not have them. */
const empty = Object.fromEntries(
  kinds.map((kind) => {
    const fields = Object.entries(schemas[kind].shape).filter(([, field]) => field.safeParse(null).success)
    return [kind, Object.fromEntries(fields.map(([name]) => [name, null]))]
  }),
) as Record<Kind, Fields>

const prefixes: Record<Kind, RegExp> = {
  assistant: /^asst/,
  file: /./,
  vector_store: /^vs/,
  vector_store_file: /./,
  thread: /^thread/,
  run: /^run/,
  message: /^msg/,
  step: /^step/,
}
const idForm = /^\w[\w.:~-]{0,199}$/

/** Undefined for a record that cannot be imported; the report gets the reason. `now` in Unix seconds. */
export function rowOf(record: TransferRecord, report: ReportBuilder, now: number): Row | undefined {
  const { kind, object } = record
  const drop = (field: string) => report.drop(`${kind}.${field}`)
  const normal = { ...empty[kind], ...normalize(kind, object, drop) }
  const example = typeof object['id'] === 'string' ? object['id'].slice(0, 100) : `${kind} without an id`
  const fault = idFault(kind, object['id']) ?? threadFault(kind, object['thread_id'])
  if (fault !== undefined) {
    report.skip(kind, fault, example)
    return undefined
  }
  const result = dropUnknown(schemas[kind], normal, drop)
  if ('fault' in result) {
    report.skip(kind, result.fault, example)
    return undefined
  }
  return rowMakers[kind](result.value as never, { record, report, now })
}

function idFault(kind: Kind, id: unknown): string | undefined {
  if (typeof id !== 'string') return 'it has no id'
  if (!idForm.test(id)) return 'its id has characters that are not allowed in ids'
  return prefixes[kind].test(id)
    ? undefined
    : `its id does not begin with '${prefixes[kind].source.slice(1)}'`
}

const ofThreads: ReadonlySet<Kind> = new Set(['run', 'message', 'step'])

function threadFault(kind: Kind, thread_id: unknown): string | undefined {
  if (!ofThreads.has(kind) || isThreadId(thread_id)) return undefined
  return thread_id === undefined ? 'it names no thread' : 'its thread_id is not an id of a thread'
}

export function isThreadId(id: unknown): boolean {
  return idFault('thread', id) === undefined
}

interface Making {
  record: TransferRecord
  report: ReportBuilder
  now: number
}

type RowMakers = { [K in Kind]: (object: z.output<(typeof schemas)[K]>, making: Making) => Row }

/** sql/imports.ts names the columns of each table, and ignores other fields. */
const rowMakers: RowMakers = {
  assistant: ({ id, object: _, created_at, ...body }) => ({ id, created_at, body }),
  file: (file) => file,
  vector_store: (store) => ({
    ...store,
    is_expired: store.status === 'expired',
  }),
  vector_store_file: (file) => ({
    ...file,
    file_id: file.id,
  }),
  thread: (thread) => thread,
  run: runRow,
  message: (message) => ({
    ...message,
    ...(message.status === 'in_progress' && {
      status: 'incomplete',
      incomplete_details: { reason: 'run_expired' },
      incomplete_at: message.created_at,
    }),
  }),
  step: (step, { record }) => ({
    ...step,
    ...(step.status === 'in_progress' && {
      status: 'expired',
      expired_at: step.expires_at ?? step.created_at,
    }),
    turn: record.spool === undefined ? turnOf(step) : (Turn.safeParse(record.spool).data ?? null),
  }),
}

function runRow(run: z.output<typeof Run>, { record, report, now }: Making): Row {
  const extras = RunExtras.safeParse(record.spool).data
  const { status, created_at, expires_at } = run
  const isActive = activeStatuses.has(status)
  if (isActive) report.report.expired_runs += 1
  const note = { at: now, kind: 'imported', status, reason: 'the run was active in the export' }
  const trace = extras?.trace ?? []
  return {
    ...run,
    status: isActive ? 'expired' : status,
    expires_at: extras?.deadline ?? expires_at ?? created_at + usualSeconds,
    settings: settingsOf(run, extras),
    trace: isActive ? [...trace, note] : trace,
  }
}

function settingsOf(run: z.output<typeof Run>, extras: RunExtras | undefined): RunSettings {
  return {
    model: run.model,
    instructions: run.instructions,
    tools: run.tools,
    tool_resources: run.tool_resources,
    temperature: run.temperature,
    top_p: run.top_p,
    reasoning_effort: run.reasoning_effort,
    max_completion_tokens: run.max_completion_tokens,
    max_prompt_tokens: run.max_prompt_tokens,
    truncation_strategy: run.truncation_strategy,
    response_format: run.response_format,
    tool_choice: run.tool_choice,
    parallel_tool_calls: run.parallel_tool_calls,
    resources: extras?.resources ?? run.tool_resources,
    include_search_content: extras?.include_search_content ?? false,
  }
}

/**
 * Rebuilds the model turn of a step, so that later prompts contain its calls. Null for a step without calls, or whose calls
 * have no content for a model.
 */
function turnOf({ step_details, usage }: RunStep): RecordedTurn | null {
  if (step_details.type !== 'tool_calls') return null
  const calls = step_details.tool_calls.flatMap(recordedCall)
  return calls.length === 0 ? null : { calls, usage: usage ?? noUsage }
}

function recordedCall(call: StepToolCall): RecordedCall[] {
  const { id } = call
  if (call.type === 'function') {
    const { name, arguments: written, output } = call.function
    return [{ id, name, arguments: written, output }]
  }
  if (call.type === 'code_interpreter') {
    const { input, outputs } = call.code_interpreter
    const image_file_ids = outputs.flatMap((one) => (one.type === 'image' ? [one.image.file_id] : []))
    const output = outputs.map((one) => (one.type === 'logs' ? one.logs : '[image]')).join('\n')
    const recorded = { id, name: 'code_interpreter', arguments: JSON.stringify({ code: input }), output }
    return [image_file_ids.length > 0 ? { ...recorded, image_file_ids } : recorded]
  }
  const texts = call.file_search.results.flatMap(({ content = [] }) => content.map(({ text }) => text))
  // Exports never have the queries, and rarely the passages.
  if (texts.length === 0) return []
  return [{ id, name: 'file_search', arguments: JSON.stringify({ queries: [] }), output: texts.join('\n\n') }]
}
