/** Accepts the outputs of the function calls of a run and queues the run again. */
import { errors } from '../api/errors.ts'
import type { SubmitToolOutputsRequest } from '../api/runs.ts'
import type { Queryable } from '../database/database.ts'
import { transactionOnce } from '../database/retry.ts'
import { loadState } from '../runs/load.ts'
import { isPossible, next } from '../runs/next.ts'
import { writeTransition } from '../runs/write-transition.ts'
import { lockRun, toRun, type RunKey, type RunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import type { StartedRun } from './create-run.ts'
import { endRun, type EndContext } from './runs.ts'
import {
  claimedBy,
  orRelease,
  queueHint,
  reserveSlot,
  startOrQueue,
  type SlotContext,
} from '../runs/slots.ts'

/** When a submit competes with another submit, a cancel or the expiry, the first to lock the row wins. */
export async function submitToolOutputs(
  context: EndContext & SlotContext,
  key: RunKey,
  request: SubmitToolOutputsRequest,
): Promise<StartedRun> {
  const { hints, clock } = context
  const slot = await reserveSlot(context, key.thread_id)
  const submitting = transactionOnce(context.db, async (tx) => {
    const row = await lockRun(tx, key)
    if (!row) throw errors.notFound('run', key.id)
    if (await expireIfDue(context, tx, row)) return 'expired'
    if (!isPossible(row.status, 'outputs submitted')) throw errors.toolOutputsNotAccepted(row.status)
    const outputs = checkedOutputs(row, request)
    const state = await loadState(tx, row)
    const queued = next(state, { kind: 'outputs submitted', at: nowSeconds(clock), outputs })
    const newEntries = hints.notifications({ kind: 'log', run_ids: [key.id] })
    const notifications = [...newEntries, ...queueHint(context, slot)]
    const run = await writeTransition(tx, 'locked', claimedBy(context, slot, queued), { notifications })
    return { run, queued: toRun(queued.state.row), after: row.event_count }
  })
  const submitted = await orRelease(slot, submitting)
  if (submitted === 'expired') {
    slot?.release()
    throw errors.toolOutputsNotAccepted('expired')
  }
  startOrQueue(context, slot, submitted.run)
  hints.send({ kind: 'log', run_ids: [key.id] })
  return { run: submitted.queued, after: submitted.after }
}

/** Expires the run when it is due. The sweep may not have reached it yet. */
async function expireIfDue(context: EndContext, tx: Queryable, row: RunRow): Promise<boolean> {
  if (row.status !== 'requires_action' || row.deadline > nowSeconds(context.clock)) return false
  await endRun(context, tx, row, { reason: 'expired' })
  return true
}

/** The outputs by call id. There must be exactly one for each open call. */
function checkedOutputs(row: RunRow, { tool_outputs }: SubmitToolOutputsRequest): Map<string, string> {
  const waiting = (row.required_action?.submit_tool_outputs.tool_calls ?? []).map((call) => call.id)
  const submitted = tool_outputs.map((output) => output.tool_call_id)
  const outputs = new Map(tool_outputs.map((output) => [output.tool_call_id, output.output]))
  if (submitted.length !== waiting.length || !waiting.every((id) => outputs.has(id))) {
    throw errors.toolOutputsMismatch(waiting, submitted)
  }
  return outputs
}
