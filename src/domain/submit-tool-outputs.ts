/** Takes the outputs of a run's function calls and lets it go on. */
import { errors } from '../api/errors.ts'
import type { SubmitToolOutputsRequest } from '../api/runs.ts'
import type { Queryable } from '../database/database.ts'
import { stepsOfRun, updateSteps, type StepRow } from '../sql/run-steps.ts'
import { lockRun, moveRun, toRun, type RunKey, type RunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import { closeRunUnowned } from './close-run.ts'
import type { Context } from './context.ts'
import { claimed, numbered, type StartedRun } from './create-run.ts'
import { reserveSlot } from './reserve-slot.ts'
import { runEntry, stepEntry } from './run-entries.ts'
import { fieldsAfter, statusAfter } from './run-status.ts'

/** Of two submits, or a submit against a cancel or the expiry, the one that locks the row first wins. */
export async function submitToolOutputs(
  context: Context,
  key: RunKey,
  request: SubmitToolOutputsRequest,
): Promise<StartedRun> {
  const slot = await reserveSlot(context, key.thread_id)
  try {
    const submitted = await context.db.transaction(async (tx) => {
      const row = await lockRun(tx, key)
      if (!row) throw errors.notFound('run', key.id)
      if (await expireIfDue(context, tx, row)) return undefined
      if (statusAfter(row.status, 'submit') === null) throw errors.toolOutputsNotAccepted(row.status)
      const step = await answerStep(context, tx, row, request)
      const queued: RunRow = { ...row, ...fieldsAfter(row, 'submit', { now: nowSeconds(context.clock) }) }
      const entries = [
        stepEntry('thread.run.step.completed', step, {
          withSearchContent: row.settings.include_search_content,
        }),
        runEntry('thread.run.queued', toRun(queued)),
      ]
      const next = slot ? claimed(context, queued, entries, slot) : { row: queued, entries }
      const last = await moveRun(tx, { ...next.row, takeovers: 0 }, next.entries)
      await context.hints.announce(tx, { kind: 'log', run_ids: [key.id] })
      if (!slot) await context.hints.announce(tx, { kind: 'queue' })
      return {
        queued,
        row: { ...next.row, event_count: last },
        entries: next.entries,
        first: row.event_count + 1,
      }
    })
    if (!submitted) throw errors.toolOutputsNotAccepted('expired')
    const { queued, row, entries, first } = submitted
    if (slot) slot.take(row, numbered(entries, first))
    else context.hints.tell({ kind: 'queue' })
    context.hints.tell({ kind: 'log', run_ids: [key.id] })
    return { run: toRun(queued), after: first - 1 }
  } catch (error) {
    slot?.release()
    throw error
  }
}

/** The sweeper may not have been here yet. */
async function expireIfDue(context: Context, tx: Queryable, row: RunRow): Promise<boolean> {
  if (row.status !== 'requires_action' || row.deadline > nowSeconds(context.clock)) return false
  await closeRunUnowned(context, tx, row, { ending: { reason: 'expired' } })
  return true
}

/** The waiting step with the outputs in it, completed. All calls must be answered, each once. */
async function answerStep(
  context: Context,
  tx: Queryable,
  row: RunRow,
  request: SubmitToolOutputsRequest,
): Promise<StepRow> {
  const waiting = (row.required_action?.submit_tool_outputs.tool_calls ?? []).map((call) => call.id)
  const given = request.tool_outputs.map((output) => output.tool_call_id)
  const outputs = new Map(request.tool_outputs.map((output) => [output.tool_call_id, output.output]))
  if (given.length !== waiting.length || !waiting.every((id) => outputs.has(id))) {
    throw errors.toolOutputsMismatch(waiting, given)
  }
  const step = (await stepsOfRun(tx, row.id)).findLast((one) => one.status === 'in_progress')
  if (!step || step.step_details.type !== 'tool_calls') {
    throw new Error(`run ${row.id} was expected to have a step that waits for outputs`)
  }
  const answered: StepRow = {
    ...step,
    status: 'completed',
    completed_at: nowSeconds(context.clock),
    step_details: {
      type: 'tool_calls',
      tool_calls: step.step_details.tool_calls.map((call) => {
        const output = outputs.get(call.id)
        if (call.type !== 'function' || output === undefined) return call
        return { ...call, function: { ...call.function, output } }
      }),
    },
    usage: step.turn?.usage ?? null,
    turn: step.turn && {
      ...step.turn,
      calls: step.turn.calls.map((call) => ({ ...call, output: outputs.get(call.id) ?? call.output })),
    },
  }
  await updateSteps(tx, [answered])
  return answered
}
