/** Takes over a run whose owner died: closes what it had begun and keeps what it had recorded. */
import { closeObjects } from '../domain/close-objects.ts'
import { closeRunUnowned, openObjects } from '../domain/close-run.ts'
import type { Context } from '../domain/context.ts'
import { numbered } from '../domain/create-run.ts'
import { stepDeltaEntry, stepEntry } from '../domain/run-entries.ts'
import type { Queryable } from '../database/database.ts'
import { deleteMessages } from '../sql/messages.ts'
import type { Entry, NumberedEntry } from '../sql/run-events.ts'
import { deleteSteps, insertStep, withoutSearchContent, type StepRow } from '../sql/run-steps.ts'
import { moveRun, type RunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import { lastError } from './failure.ts'
import { newStep } from './new-step.ts'

/** A run that died this often without a new recorded step is the cause of the deaths, not their victim. */
const maxTakeovers = 3

export interface TakenRun {
  row: RunRow
  entries: NumberedEntry[]
}

/** The row must be locked and `in_progress`. Answers undefined when the run was ended in place of going on. */
export async function takeOver(
  context: Context,
  tx: Queryable,
  row: RunRow,
  worker: string,
): Promise<TakenRun | undefined> {
  const now = nowSeconds(context.clock)
  if (row.takeovers >= maxTakeovers) {
    const message = `The run was taken over ${maxTakeovers} times and came no further.`
    const ended = { ...row, trace: [...row.trace, { at: now, kind: 'given_up', message }] }
    await closeRunUnowned(context, tx, ended, {
      ending: { reason: 'failed', last_error: lastError(undefined) },
    })
    return undefined
  }
  const open = await openObjects(tx, row)
  const closed = closeObjects(
    open,
    { reason: 'failed', last_error: lastError(undefined) },
    { now, usage: null },
  )
  await deleteMessages(
    tx,
    closed.messages.map((message) => message.id),
  )
  await deleteSteps(
    tx,
    closed.steps.map((step) => step.id),
  )
  const taken: RunRow = {
    ...row,
    lease_owner: worker,
    attempt: row.attempt + 1,
    takeovers: row.takeovers + 1,
    trace: [...row.trace, { at: now, kind: 'taken_over', attempt: row.attempt + 1 }],
  }
  const closedAt = await moveRun(tx, taken, closed.entries, { abandoned: true })
  const again = open.step?.turn ? beginAgain(taken, open.step, now) : undefined
  if (again) await insertStep(tx, row.project, again.step)
  const last = again ? await moveRun(tx, taken, again.entries) : closedAt
  await context.hints.announce(tx, { kind: 'log', run_ids: [row.id] })
  const entries = [...closed.entries, ...(again?.entries ?? [])]
  return { row: { ...taken, event_count: last }, entries: numbered(entries, row.event_count + 1) }
}

/** The recorded calls under a new step: those with an outcome keep it, the others are run. */
function beginAgain(row: RunRow, old: StepRow, now: number): { step: StepRow; entries: Entry[] } {
  const step = { ...newStep(row, old.step_details, now), turn: old.turn }
  const details = row.settings.include_search_content
    ? old.step_details
    : withoutSearchContent(old.step_details)
  const calls = details.type === 'tool_calls' ? details.tool_calls : []
  const begun: StepRow = { ...step, step_details: { type: 'tool_calls', tool_calls: [] } }
  return {
    step,
    entries: [
      stepEntry('thread.run.step.created', begun),
      stepEntry('thread.run.step.in_progress', begun),
      ...calls.map((call, index) => stepDeltaEntry(step.id, { index, ...call })),
    ],
  }
}
