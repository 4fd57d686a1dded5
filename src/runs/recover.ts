/** The transition of a run whose worker was lost: closes what the worker had started, keeps what it had recorded. */
import type { StepToolCallDelta } from '../api/events.ts'
import { maxLosses } from '../sql/leases.ts'
import { toRun, type RunRow } from '../sql/runs.ts'
import { withoutSearchContent, type StepRow } from '../sql/run-steps.ts'
import { callsOf, closedTurn, newStep } from './objects.ts'
import { runEvent, stepDelta, stepEvent } from './events.ts'
import {
  committed,
  unchanged,
  withStatus,
  spentOn,
  sumUsage,
  type Ending,
  type FactOf,
  type OpenTurn,
  type RunState,
  type Transition,
} from './state.ts'

type Recovered = FactOf<'recovered'>

/** The error that users see when the cause is nothing that they can change. */
export const internalError = { code: 'server_error' as const, message: 'Sorry, something went wrong.' }

/** How the log closes the objects that a lost attempt left open. */
export const lostAttempt: Ending = { reason: 'failed', last_error: internalError }

export function recovered(state: RunState, fact: Recovered): Transition {
  const { row, openTurn } = state
  // A worker that stopped normally has released the run.
  const isLoss = row.lease_owner !== null
  if (isLoss && openTurn && row.losses >= maxLosses) return failed(state, fact.at)
  const closed = closedTurn(openTurn, lostAttempt, { at: fact.at, usage: null })
  const isRecorded = Boolean(openTurn?.callsStep?.turn)
  const abandoned = isRecorded ? [] : (openTurn?.completed ?? [])
  const removed = [
    ...closed.messages.map(({ id }) => id),
    ...closed.steps.map(({ id }) => id),
    ...abandoned.flatMap(({ message_id, step }) => [message_id, step.id]),
  ]
  const attempt = row.attempt + 1
  const next: RunRow = {
    ...row,
    lease_owner: fact.worker,
    attempt,
    recoveries: row.recoveries + (isLoss ? 1 : 0),
    losses: row.losses + (isLoss && openTurn ? 1 : 0),
    trace: [...row.trace, { at: fact.at, kind: 'recovered', attempt, removed }],
  }
  const resumed =
    openTurn?.callsStep && isRecorded ? continued(next, openTurn, openTurn.callsStep, fact) : undefined
  return {
    ...unchanged({ ...state, row: next, openTurn: resumed?.openTurn ?? null }),
    steps: resumed ? [resumed.step] : [],
    removed,
    events: committed(...closed.events, ...(resumed?.events ?? [])),
  }
}

function failed(state: RunState, at: number): Transition {
  const usage = spentOn(state.openTurn?.callsStep ?? undefined)
  const closed = closedTurn(state.openTurn, lostAttempt, { at, usage })
  const message = `The run lost its worker ${maxLosses + 1} times and came no further.`
  const details = { usage: sumUsage([state.spent, usage]), last_error: internalError }
  const row = {
    ...withStatus(state.row, 'failed', at, details),
    trace: [...state.row.trace, { at, kind: 'recoveries_exhausted', message }],
  }
  return {
    ...unchanged({ ...state, row, openTurn: null }),
    steps: closed.steps,
    messages: closed.messages,
    events: committed(...closed.events, runEvent('thread.run.failed', toRun(row))),
  }
}

/** Continues the recorded calls in a new step: calls with an output keep it, the others are run. */
function continued(row: RunRow, { completed }: OpenTurn, old: StepRow, { at, step_id }: Recovered) {
  const { include_search_content } = row.settings
  const shown = include_search_content ? old.step_details : withoutSearchContent(old.step_details)
  const begun = newStep(row, {
    id: step_id,
    created_at: at,
    step_details: { type: 'tool_calls', tool_calls: [] },
  })
  const step: StepRow = { ...begun, step_details: old.step_details, turn: old.turn }
  const openTurn: OpenTurn = { completed, openMessage: null, callsStep: step }
  const deltas = callsOf({ step_details: shown }).map((call, index) =>
    stepDelta(step.id, { index, ...call } as StepToolCallDelta),
  )
  return {
    step,
    openTurn,
    events: [
      stepEvent('thread.run.step.created', begun),
      stepEvent('thread.run.step.in_progress', begun),
      ...deltas,
    ],
  }
}
