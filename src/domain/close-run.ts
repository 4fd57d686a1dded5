/** Ends a run that no living process owns, from what the database holds of it. */
import type { Message } from '../api/messages.ts'
import type { Queryable } from '../database/database.ts'
import { openMessages, updateMessages } from '../sql/messages.ts'
import type { Entry } from '../sql/run-events.ts'
import { stepsOfRun, updateSteps, type StepRow } from '../sql/run-steps.ts'
import { moveRun, toRun, type RunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import { closeObjects, type ClosedObjects, type Ending } from './close-objects.ts'
import type { Context } from './context.ts'
import { runStatusEntry } from './run-entries.ts'
import { fieldsAfter, type RunMove } from './run-status.ts'
import { streamedContent } from './streamed-content.ts'
import { spentOn, sumUsage } from './usage.ts'

const moveFor: Record<Ending['reason'], RunMove> = {
  cancelled: 'close_cancel',
  expired: 'expire',
  failed: 'fail',
}

/** What a run has open, as the log holds it. */
export interface OpenObjects {
  message: Message | undefined
  step: StepRow | undefined
  /** All steps that the run has recorded, the open one included. */
  steps: StepRow[]
}

export async function openObjects(tx: Queryable, row: RunRow): Promise<OpenObjects> {
  const steps = await stepsOfRun(tx, row.id)
  const step = steps.findLast((one) => one.status === 'in_progress')
  const [message] = await openMessages(tx, row.id)
  return {
    message: message && { ...message, content: await streamedContent(tx, row.id, message.id) },
    step,
    steps,
  }
}

/** Closes the open message and step and ends the run; the row must be locked. Answers the row as it ended. */
export async function closeRunUnowned(
  context: Context,
  tx: Queryable,
  row: RunRow,
  { ending, before = [] }: { ending: Ending; before?: Entry[] },
): Promise<RunRow> {
  const now = nowSeconds(context.clock)
  const open = await openObjects(tx, row)
  const usage = sumUsage(open.steps.map(spentOn))
  const closed = closeObjects(open, ending, { now, usage: spentOn(open.step) })
  await writeClosed(tx, closed)
  const details = { now, usage, ...(ending.reason === 'failed' && { last_error: ending.last_error }) }
  const ended: RunRow = {
    ...row,
    ...fieldsAfter(row, moveFor[ending.reason], details),
    lease_owner: null,
  }
  const entries = [...before, ...closed.entries, runStatusEntry(toRun(ended))]
  const event_count = await moveRun(tx, ended, entries)
  await context.hints.announce(tx, { kind: 'log', run_ids: [row.id] })
  return { ...ended, event_count }
}

async function writeClosed(tx: Queryable, closed: ClosedObjects): Promise<void> {
  await updateSteps(tx, closed.steps)
  await updateMessages(tx, closed.messages)
}
