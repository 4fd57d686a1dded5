/** The bars of a timeline, from the trace of a run. Times are Unix milliseconds. */
import type { ModelRequestWork, Run, RunTrace, RunWork, ToolCallWork, WorkerSpan } from '../api/types.ts'
import { isOver } from '../live/run-state.ts'
import { duration, number } from '../parts/text.ts'

export interface Bar {
  key: string
  label: string
  tone: 'queue' | 'model' | 'tool' | 'client' | 'bad'
  start: number
  /** null: it goes on. */
  end: number | null
  /** Moments within the bar: the first token, a retry. */
  marks: { at: number; words: string }[]
  hint: string
}

function spansOf(trace: RunTrace): WorkerSpan[] {
  return trace.work.filter((one): one is WorkerSpan => one.kind === 'worker')
}

/** When the run was created, first taken by a worker, and ended; null for what has not happened or is not known. */
export function timesOf(
  run: Run,
  trace: RunTrace,
): { created: number; claimed: number | null; ended: number | null } {
  const spans = spansOf(trace)
  const [first] = spans
  const seconds = run.completed_at ?? run.failed_at ?? run.cancelled_at
  const ended = isOver(run.status) ? (spans.at(-1)?.ended_ms ?? (seconds && seconds * 1000)) : null
  return { created: first?.queued_ms ?? run.created_at * 1000, claimed: first?.started_ms ?? null, ended }
}

/** In the order in which they begin. */
export function barsOf(run: Run, trace: RunTrace): Bar[] {
  const { created, ended } = timesOf(run, trace)
  const spans = spansOf(trace)
  const waits = spans.flatMap((span, index) => [
    ...queueBefore(span, spans[index - 1]),
    ...clientAfter(span, spans[index + 1], ended),
  ])
  if (spans.length === 0) waits.push(queueBar('queue', created, ended))
  const work = trace.work.flatMap((one) => barOf(one, ended))
  return [...waits, ...work].toSorted((one, other) => one.start - other.start)
}

/** The wait for a worker. A run that a worker took at once, with the outputs it had waited for, had none. */
function queueBefore(span: WorkerSpan, before: WorkerSpan | undefined): Bar[] {
  if (before && span.queued_ms < (before.ended_ms ?? before.started_ms)) return []
  return [queueBar(`${span.id} queue`, span.queued_ms, Math.max(span.queued_ms, span.started_ms))]
}

/** The wait for outputs that the client submits. */
function clientAfter(span: WorkerSpan, next: WorkerSpan | undefined, ended: number | null): Bar[] {
  if (span.status !== 'requires_action' || span.ended_ms === null) return []
  const queued = next && next.queued_ms >= span.ended_ms ? next.queued_ms : next?.started_ms
  return [
    {
      key: `${span.id} client`,
      label: namesOf(span.waits_for),
      tone: 'client',
      start: span.ended_ms,
      end: queued ?? ended,
      marks: [],
      hint: 'Your program calls the functions and submits their outputs.',
    },
  ]
}

function namesOf(functions: readonly string[]): string {
  const names = [...new Set(functions)]
  const counted = names.map((name) => {
    const count = functions.filter((one) => one === name).length
    return count > 1 ? `${name} ×${count}` : name
  })
  return counted.length === 0 ? 'Your program' : counted.join(', ')
}

function queueBar(key: string, start: number, end: number | null): Bar {
  return { key, label: 'Queue', tone: 'queue', start, end, marks: [], hint: 'The run waits for a worker.' }
}

function barOf(work: RunWork, ended: number | null): Bar[] {
  if (work.kind === 'worker') return []
  // Work that was in progress when its process ended has no recorded end.
  const base = { key: work.id, start: work.started_ms, end: work.ended_ms ?? ended }
  return [{ ...base, ...(work.kind === 'tool_call' ? toolBar(work) : modelBar(work)) }]
}

function toolBar({ name, error, attempt }: ToolCallWork): Omit<Bar, 'key' | 'start' | 'end'> {
  const hint = error === null ? `Attempt ${attempt}` : `It failed: ${error}`
  return { label: name, tone: error === null ? 'tool' : 'bad', marks: [], hint }
}

function modelBar(work: ModelRequestWork): Omit<Bar, 'key' | 'start' | 'end'> {
  const { first_token_ms, started_ms, notes, usage, error, model } = work
  const first =
    first_token_ms === null
      ? []
      : [{ at: first_token_ms, words: `First token after ${duration(first_token_ms - started_ms)}` }]
  const others = notes.map((note) => ({ at: note.at_ms, words: noteWords(note) }))
  const tokens = usage
    ? `${number(usage.prompt_tokens)} tokens in, ${number(usage.completion_tokens)} out. `
    : ''
  const hint = error ? `It failed: ${error.message}` : `${tokens}${first[0]?.words ?? ''}`
  return { label: `Model ${model}`, tone: error ? 'bad' : 'model', marks: [...first, ...others], hint }
}

/** What a driver reported about a request, in words. */
export function noteWords({ kind, at_ms: _, ...details }: { kind: string; at_ms: number }): string {
  const parts = Object.entries(details).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return [kind.replaceAll('_', ' '), ...parts].join(', ')
}
