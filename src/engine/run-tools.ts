/** Runs the calls of a turn that the server can run itself. */
import type { StepToolCall } from '../api/run-steps.ts'
import type { Usage } from '../api/runs.ts'
import { callsOf } from '../runs/objects.ts'
import type { OwnedRun } from '../runs/owned-run.ts'
import type { Queryable } from '../database/database.ts'
import { callsOfThread, type RecordedCall, type StepRow } from '../sql/run-steps.ts'
import type { ToolContext, ToolOutcome } from '../tools/port.ts'
import { RunStopped } from './failure.ts'
import type { WorkTrace } from './trace-work.ts'
import type { DraftCall, TurnWriter } from './turn-writer.ts'

export interface ToolsDependencies {
  db: Queryable
  /** Waits until this process is known to hold its leases; throws the signal's reason when the signal aborts first. */
  confirmed: (signal: AbortSignal) => Promise<void>
}

export interface ToolsRun {
  /** All calls of the turn, with the outputs so far. */
  calls: RecordedCall[]
  /** Calls that only the client can answer. */
  waiting: StepToolCall[]
}

/**
 * Records the calls before the first of them runs, so that no later attempt asks the model again. Then runs them in
 * parallel and records each outcome when it arrives.
 */
export async function runTools(
  { db, confirmed }: ToolsDependencies,
  run: OwnedRun,
  writer: TurnWriter,
  options: { usage: Usage; signal: AbortSignal; work: WorkTrace },
): Promise<ToolsRun> {
  const { usage, signal, work } = options
  const known = writer.calls.filter((call) => call.tool)
  const step = run.state.openTurn?.callsStep
  const shown = known.map((call) => shownCall(step, call))
  const calls = writer.calls.map((call) => recordedCall(step, call))
  const turn = () => writer.turn({ calls: [...calls], usage })
  if (known.length > 0) run.apply({ kind: 'calls recorded', calls: shown, turn: turn() })

  const runnable = known.filter((call) => call.tool?.run && recordOf(calls, call).output === null)
  const waiting = () => callsOf(run.state.openTurn?.callsStep).filter((_, index) => !known[index]?.tool?.run)
  if (runnable.length === 0) return { calls, waiting: waiting() }
  if ((await run.flush()) === 'lost') throw new RunStopped('lost')
  await confirmed(signal)
  // The thread's calls include those of this turn, which are recorded by now.
  const before = (await callsOfThread(db, run.row.thread_id)) - calls.length
  // When one call fails the run ends: the others are stopped, and their outcomes are not recorded.
  const failing = new AbortController()
  const together = AbortSignal.any([signal, failing.signal])
  const results = await Promise.allSettled(
    runnable.map(async (call) => {
      const { index } = call
      const context: ToolContext = {
        row: run.row,
        signal: together,
        ordinal: before + calls.indexOf(recordOf(calls, call)),
        emit: (delta) => {
          if (!together.aborted) writer.growCall(call, delta)
        },
      }
      const runCall = call.tool?.run
      const outcome = await (runCall && work.call(call, () => runCall(call, context)))?.catch(
        (error: unknown) => {
          failing.abort(error)
          throw error
        },
      )
      if (!outcome || index === undefined || together.aborted) return
      Object.assign(recordOf(calls, call), outcomeOf(outcome))
      run.apply({ kind: 'tool finished', index, call: outcome.call, turn: turn() })
    }),
  )
  signal.throwIfAborted()
  if (failing.signal.aborted) throw failing.signal.reason
  const broken = results.find((result) => result.status === 'rejected')
  if (broken) throw broken.reason
  return { calls, waiting: waiting() }
}

/** The call in the step: as an earlier attempt recorded it, or as the model has just made it. */
function shownCall(step: StepRow | null | undefined, call: DraftCall): StepToolCall {
  const before = step?.turn ? callsOf(step).find((one) => one.id === call.id) : undefined
  if (before) return before
  if (!call.tool) throw new Error(`expected ${call.name} to be a tool of the run`)
  return call.tool.complete(call.id, call.arguments)
}

/** The call as it is recorded. An unknown function is answered at once, so that the model can correct itself. */
function recordedCall(step: StepRow | null | undefined, call: DraftCall): RecordedCall {
  const before = step?.turn?.calls.find((one) => one.id === call.id)
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
