/**
 * The transitions of a run: the only place where a run's status, messages and steps change. Pure: no clock, no ids
 * of its own, no database.
 */
import type { RunStatus } from '../api/runs.ts'
import { toRun } from '../sql/runs.ts'
import { closedTurn, completedStep } from './objects.ts'
import { runEvent, stepEvent } from './events.ts'
import { recovered } from './recover.ts'
import {
  committed,
  emptyState,
  unchanged,
  withStatus,
  spentOn,
  sumUsage,
  type Fact,
  type FactOf,
  type RunState,
  type Transition,
} from './state.ts'
import {
  callBegan,
  callGrew,
  callsRecorded,
  messageBegan,
  messageCompleted,
  pieceArrived,
  toolFinished,
  turnEnded,
} from './turn.ts'

type Kind = Fact['kind']

const active: readonly RunStatus[] = ['queued', 'in_progress', 'requires_action']
const atWork: readonly RunStatus[] = ['in_progress', 'cancelling']

/** From which statuses each fact is possible. */
const possible: Record<Kind, readonly RunStatus[]> = {
  claimed: ['queued'],
  recovered: ['in_progress'],
  'cancel requested': active,
  'outputs submitted': ['requires_action'],
  'message began': atWork,
  'piece arrived': atWork,
  'message completed': atWork,
  'call began': atWork,
  'call grew': atWork,
  'calls recorded': atWork,
  'tool finished': atWork,
  'turn ended': atWork,
  'client must answer': atWork,
  'budget exhausted': atWork,
  stopped: [...active, 'cancelling'],
}

export function isPossible(status: RunStatus, kind: Kind): boolean {
  return possible[kind].includes(status)
}

const transitions: { [K in Kind]: (state: RunState, fact: FactOf<K>) => Transition } = {
  claimed,
  recovered,
  'cancel requested': cancelRequested,
  'outputs submitted': outputsSubmitted,
  'message began': messageBegan,
  'piece arrived': pieceArrived,
  'message completed': messageCompleted,
  'call began': callBegan,
  'call grew': callGrew,
  'calls recorded': callsRecorded,
  'tool finished': toolFinished,
  'turn ended': turnEnded,
  'client must answer': clientMustAnswer,
  'budget exhausted': budgetExhausted,
  stopped,
}

/** Throws when the fact is not possible in this state, which is an error of the program. */
export function next(state: RunState, fact: Fact): Transition {
  const { status } = state.row
  if (!isPossible(status, fact.kind)) {
    throw new Error(`the fact '${fact.kind}' is not possible for a run that is ${status}`)
  }
  // A cancel wins over every other end, and over the wait for the client.
  if (status === 'cancelling' && endsWork(fact)) {
    return stopped(state, { kind: 'stopped', at: fact.at, ending: { reason: 'cancelled' } })
  }
  const transition = transitions[fact.kind] as (state: RunState, fact: Fact) => Transition
  return transition(state, fact)
}

type EndOfWork = FactOf<'turn ended' | 'client must answer' | 'budget exhausted' | 'stopped'>

function endsWork(fact: Fact): fact is EndOfWork {
  if (fact.kind === 'turn ended') return fact.outcome !== 'continue'
  return fact.kind === 'client must answer' || fact.kind === 'budget exhausted' || fact.kind === 'stopped'
}

/** The transition, followed by that of another fact: both are committed together. */
export function followedBy(first: Transition, fact: Fact): Transition {
  const second = next(first.state, fact)
  return {
    state: second.state,
    steps: [...first.steps, ...second.steps],
    messages: [...first.messages, ...second.messages],
    removed: [...first.removed, ...second.removed],
    events: [...first.events, ...second.events],
  }
}

/** A run that has just been created from a row with the status `queued`. */
export function requested(row: RunState['row']): Transition {
  const run = toRun(row)
  return {
    ...unchanged(emptyState(row)),
    events: committed(runEvent('thread.run.created', run), runEvent('thread.run.queued', run)),
  }
}

function claimed(state: RunState, { at, worker }: FactOf<'claimed'>): Transition {
  const row = {
    ...withStatus(state.row, 'in_progress', at),
    lease_owner: worker,
    attempt: state.row.attempt + 1,
  }
  return { ...unchanged({ ...state, row }), events: committed(statusEvent(row)) }
}

function cancelRequested(state: RunState, { at }: FactOf<'cancel requested'>): Transition {
  const row = withStatus(state.row, 'cancelling', at)
  return { ...unchanged({ ...state, row }), events: committed(statusEvent(row)) }
}

function outputsSubmitted(state: RunState, { at, outputs }: FactOf<'outputs submitted'>): Transition {
  const calls = state.openTurn?.callsStep
  if (calls?.step_details.type !== 'tool_calls') {
    throw new Error(`run ${state.row.id} was expected to have a step that waits for outputs`)
  }
  const tool_calls = calls.step_details.tool_calls.map((call) => {
    const output = outputs.get(call.id)
    if (call.type !== 'function' || output === undefined) return call
    return { ...call, function: { ...call.function, output } }
  })
  const turn = calls.turn && {
    ...calls.turn,
    calls: calls.turn.calls.map((call) => ({ ...call, output: outputs.get(call.id) ?? call.output })),
  }
  const usage = turn?.usage ?? null
  const step_details = { type: 'tool_calls' as const, tool_calls }
  const step = { ...completedStep(calls, { at, usage }), step_details, turn }
  const row = { ...withStatus(state.row, 'queued', at), recoveries: 0, losses: 0 }
  const view = { withSearchContent: row.settings.include_search_content }
  return {
    ...unchanged({ row, spent: sumUsage([state.spent, usage]), turns: state.turns + 1, openTurn: null }),
    steps: [step],
    events: committed(stepEvent('thread.run.step.completed', step, view), statusEvent(row)),
  }
}

function clientMustAnswer(state: RunState, { at, calls }: FactOf<'client must answer'>): Transition {
  const tool_calls = calls.map((call) => {
    if (call.type !== 'function') throw new Error(`expected call ${call.id} to be a function call`)
    const { name, arguments: text } = call.function
    return { id: call.id, type: 'function' as const, function: { name, arguments: text } }
  })
  const required_action = { type: 'submit_tool_outputs' as const, submit_tool_outputs: { tool_calls } }
  const row = {
    ...withStatus(state.row, 'requires_action', at, { required_action }),
    recoveries: 0,
    losses: 0,
  }
  return { ...unchanged({ ...state, row }), events: committed(statusEvent(row)) }
}

function budgetExhausted(state: RunState, { at, reason }: FactOf<'budget exhausted'>): Transition {
  const details = { usage: state.spent, incomplete_details: { reason } }
  const row = withStatus(state.row, 'incomplete', at, details)
  return { ...unchanged({ ...state, row }), events: committed(statusEvent(row)) }
}

/** Closes the open message and steps, and ends the run. */
function stopped(state: RunState, { at, ending }: FactOf<'stopped'>): Transition {
  const usage = spentOn(state.openTurn?.callsStep ?? undefined)
  const closed = closedTurn(state.openTurn, ending, { at, usage })
  const row = withStatus(state.row, ending.reason, at, {
    usage: sumUsage([state.spent, usage]),
    ...(ending.reason === 'failed' && { last_error: ending.last_error }),
  })
  return {
    ...unchanged({ ...state, row, openTurn: null }),
    steps: closed.steps,
    messages: closed.messages,
    events: committed(...closed.events, statusEvent(row)),
  }
}

/** The event that shows the status which the run now has. */
function statusEvent(row: RunState['row']) {
  return runEvent(`thread.run.${row.status}`, toRun(row))
}
