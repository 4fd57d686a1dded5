/** Runs the tools that a model turn called, as far as the server runs them itself. */
import type { StepToolCall } from '../api/run-steps.ts'
import type { Usage } from '../api/runs.ts'
import type { RunRecord } from '../runs/run-record.ts'
import { callsOfThread, type RecordedCall } from '../sql/run-steps.ts'
import type { ToolOutcome } from '../tools/port.ts'
import type { Engine } from './engine.ts'
import { RunStopped } from './failure.ts'
import type { DraftCall, TurnWriter } from './turn-writer.ts'

export interface ToolsRun {
  calls: RecordedCall[]
  /** Calls that only the client can answer. */
  waiting: StepToolCall[]
}

/**
 * Records the calls before the first of them runs, so that a new owner of the run need not ask the model again;
 * then runs them side by side and records each outcome as it comes.
 */
export async function runTools(
  engine: Engine,
  record: RunRecord,
  writer: TurnWriter,
  options: { usage: Usage; signal: AbortSignal },
): Promise<ToolsRun> {
  const { usage, signal } = options
  const known = writer.calls.filter((call) => call.tool)
  const shown = known.map((call) => shownCall(writer, call))
  const calls = writer.calls.map((call) => recordedCall(writer, call))
  const keep = () => writer.keepToolStep([...shown], { calls: [...calls], usage })

  const runnable = known.filter((call) => call.tool?.run && recordOf(calls, call).output === null)
  if (runnable.length > 0) {
    const step = keep()
    const result = await record.commit({ entries: () => [], steps: step ? [step] : [] })
    if (result === 'lost') throw new RunStopped('lost')
    await engine.confirmed(signal)
  }
  const { db } = engine.context
  // The thread's calls include those of this turn, which are recorded by now.
  const before = runnable.length > 0 ? (await callsOfThread(db, record.row.thread_id)) - calls.length : 0
  // When one call fails the run ends: the others stop, and what they still bring is no longer told.
  const failing = new AbortController()
  const together = AbortSignal.any([signal, failing.signal])
  const results = await Promise.allSettled(
    runnable.map(async (call) => {
      const run = call.tool?.run?.(call, {
        row: record.row,
        signal: together,
        ordinal: before + calls.indexOf(recordOf(calls, call)),
        tell: (delta) => {
          if (!together.aborted) writer.tellCall(call, delta)
        },
      })
      const outcome = await run?.catch((error: unknown) => {
        failing.abort(error)
        throw error
      })
      if (!outcome || call.index === undefined || together.aborted) return
      shown[call.index] = outcome.call
      Object.assign(recordOf(calls, call), outcomeOf(outcome))
      const step = keep()
      record.tell([], { steps: step ? [step] : [], urgency: 'now' })
    }),
  )
  signal.throwIfAborted()
  if (failing.signal.aborted) throw failing.signal.reason
  const broken = results.find((result) => result.status === 'rejected')
  if (broken) throw broken.reason
  keep()
  return { calls, waiting: shown.filter((_, index) => !known[index]?.tool?.run) }
}

/** As an earlier owner recorded it, or as the model has just made it. */
function shownCall(writer: TurnWriter, call: DraftCall): StepToolCall {
  const details = writer.toolStep?.step_details
  const before =
    details?.type === 'tool_calls' ? details.tool_calls.find((one) => one.id === call.id) : undefined
  if (before) return before
  if (!call.tool) throw new Error(`expected ${call.name} to be a tool of the run`)
  return call.tool.complete(call.id, call.arguments)
}

/** A function that nobody offered is answered at once: the model can do better in the next turn. */
function recordedCall(writer: TurnWriter, call: DraftCall): RecordedCall {
  const before = writer.toolStep?.turn?.calls.find((one) => one.id === call.id)
  if (before) return before
  const output = call.tool ? null : `There is no function named '${call.name}'.`
  const { id, name, extras } = call
  return { id, name, arguments: call.arguments, output, ...(extras !== undefined && { extras }) }
}

function recordOf(calls: RecordedCall[], call: DraftCall): RecordedCall {
  const found = calls.find((one) => one.id === call.id)
  if (!found) throw new Error(`expected call ${call.id} to be recorded`)
  return found
}

function outcomeOf(outcome: ToolOutcome): Partial<RecordedCall> {
  return {
    output: outcome.output,
    ...(outcome.marks && { marks: outcome.marks }),
    ...(outcome.image_file_ids && { image_file_ids: outcome.image_file_ids }),
  }
}
