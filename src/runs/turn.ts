/** Transitions within a turn: the model answers, and its calls are recorded and run. */
import type { StepToolCallDelta } from '../api/events.ts'
import type { StepToolCall } from '../api/run-steps.ts'
import { noUsage, type RunIncompleteReason } from '../api/runs.ts'
import type { RecordedTurn, StepRow } from '../sql/run-steps.ts'
import { toRun } from '../sql/runs.ts'
import { callsWithDelta, deltaOf, withDelta } from './content.ts'
import { messageDelta, messageEvent, runEvent, stepDelta, stepEvent } from './events.ts'
import { callsOf, completedStep, endedMessage, newMessage, newStep } from './objects.ts'
import {
  committed,
  early,
  unchanged,
  withStatus,
  sumUsage,
  type FactOf,
  type OpenTurn,
  type RunState,
  type Transition,
} from './state.ts'

const newTurn: OpenTurn = { completed: [], openMessage: null, callsStep: null }

export function messageBegan(state: RunState, fact: FactOf<'message began'>): Transition {
  const { at: created_at, message_id, step_id } = fact
  if (state.openTurn?.openMessage)
    throw new Error(`run ${state.row.id} was expected to write one message at a time`)
  const message = newMessage(state.row, { id: message_id, created_at })
  const step_details = { type: 'message_creation' as const, message_creation: { message_id } }
  const step = newStep(state.row, { id: step_id, created_at, step_details })
  const openTurn: OpenTurn = { ...(state.openTurn ?? newTurn), openMessage: { message, step } }
  return {
    ...unchanged({ ...state, openTurn }),
    steps: [step],
    messages: [message],
    events: early(
      stepEvent('thread.run.step.created', step),
      stepEvent('thread.run.step.in_progress', step),
      messageEvent('thread.message.created', message),
      messageEvent('thread.message.in_progress', message),
    ),
  }
}

export function pieceArrived(state: RunState, { piece }: FactOf<'piece arrived'>): Transition {
  const { openTurn } = state
  if (!openTurn?.openMessage) throw new Error(`run ${state.row.id} was expected to have an open message`)
  const delta = deltaOf(openTurn.openMessage.message.content, piece)
  const message = withDelta(openTurn.openMessage.message, delta)
  return {
    ...unchanged({ ...state, openTurn: { ...openTurn, openMessage: { ...openTurn.openMessage, message } } }),
    events: early(messageDelta(message.id, delta)),
  }
}

/** Completes the open message. More of the turn follows, so the usage of the turn is counted on a later step. */
export function messageCompleted(state: RunState, { at }: { at: number }): Transition {
  const { openTurn } = state
  if (!openTurn?.openMessage) return unchanged(state)
  const message = endedMessage(openTurn.openMessage.message, 'complete', at)
  const step = completedStep(openTurn.openMessage.step, { at, usage: noUsage })
  const completed = [...openTurn.completed, { message_id: message.id, step }]
  return {
    ...unchanged({ ...state, openTurn: { ...openTurn, openMessage: null, completed } }),
    steps: [step],
    messages: [message],
    events: committed(
      messageEvent('thread.message.completed', message),
      stepEvent('thread.run.step.completed', step, viewOf(state)),
    ),
  }
}

/** The first call of a turn ends the message before it. */
export function callBegan(state: RunState, { at, step_id, call }: FactOf<'call began'>): Transition {
  const before = messageCompleted(state, { at })
  const turn = before.state.openTurn ?? newTurn
  const step =
    turn.callsStep ??
    newStep(state.row, {
      id: step_id,
      created_at: at,
      step_details: { type: 'tool_calls', tool_calls: [] },
    })
  const calls = callsOf(step)
  const opening = [stepEvent('thread.run.step.created', step), stepEvent('thread.run.step.in_progress', step)]
  const delta = { index: calls.length, ...call } as StepToolCallDelta
  return {
    ...before,
    state: { ...before.state, openTurn: { ...turn, callsStep: withCalls(step, [...calls, call]) } },
    steps: [...before.steps, ...(turn.callsStep ? [] : [step])],
    events: [...before.events, ...early(...(turn.callsStep ? [] : opening), stepDelta(step.id, delta))],
  }
}

export function callGrew(state: RunState, { delta }: FactOf<'call grew'>): Transition {
  const step = openCalls(state)
  return {
    ...withStep(state, withCalls(step, callsWithDelta(callsOf(step), delta))),
    steps: [],
    events: early(stepDelta(step.id, delta)),
  }
}

export function callsRecorded(state: RunState, { calls, turn }: FactOf<'calls recorded'>): Transition {
  return withStep(state, { ...withCalls(openCalls(state), calls), turn: withMessages(state, turn) })
}

export function toolFinished(state: RunState, fact: FactOf<'tool finished'>): Transition {
  const step = openCalls(state)
  const calls = callsOf(step).map((call, index) => (index === fact.index ? fact.call : call))
  return withStep(state, { ...withCalls(step, calls), turn: withMessages(state, fact.turn) })
}

/** Completes the open message and step. The last turn also ends the run. */
export function turnEnded(state: RunState, fact: FactOf<'turn ended'>): Transition {
  const { at, usage, outcome } = fact
  const { openTurn } = state
  const message = openTurn?.openMessage && endedMessage(openTurn.openMessage.message, outcome, at)
  const open = openTurn?.callsStep ?? openTurn?.openMessage?.step
  const recorded = fact.turn
  const step = open && { ...completedStep(open, { at, usage }), turn: recorded ?? open.turn }
  // Without an open step, the turn is recorded on the step of its last message.
  const last = open ? undefined : openTurn?.completed.at(-1)?.step
  const spent = sumUsage([state.spent, usage])
  const row =
    outcome === 'continue'
      ? { ...state.row, recoveries: 0, losses: 0 }
      : withStatus(state.row, outcome === 'complete' ? 'completed' : 'incomplete', at, {
          usage: spent,
          ...(outcome !== 'complete' && { incomplete_details: { reason: incompleteReason[outcome] } }),
        })
  const ending = message?.status === 'incomplete' ? 'thread.message.incomplete' : 'thread.message.completed'
  return {
    ...unchanged({ row, spent, turns: state.turns + 1, openTurn: null }),
    steps: [...(step ? [step] : []), ...(last && recorded ? [{ ...last, turn: recorded }] : [])],
    messages: message ? [message] : [],
    events: committed(
      ...(message ? [messageEvent(ending, message)] : []),
      ...(step ? [stepEvent('thread.run.step.completed', step, viewOf(state))] : []),
      ...(outcome === 'continue' ? [] : [runEvent(`thread.run.${row.status}`, toRun(row))]),
    ),
  }
}

const incompleteReason: Record<'max_tokens' | 'content_filter', RunIncompleteReason> = {
  max_tokens: 'max_completion_tokens',
  content_filter: 'content_filter',
}

/** Adds the ids of the messages with the text of the open turn. */
export function withMessages({ openTurn }: RunState, recorded: RecordedTurn): RecordedTurn {
  const open = openTurn?.openMessage ? [openTurn.openMessage.message.id] : []
  const message_ids = [...(openTurn?.completed ?? []).map(({ message_id }) => message_id), ...open]
  return message_ids.length > 0 ? { ...recorded, message_ids } : recorded
}

function openCalls({ row, openTurn }: RunState): StepRow {
  if (!openTurn?.callsStep) throw new Error(`run ${row.id} was expected to have an open step of calls`)
  return openTurn.callsStep
}

function withCalls(step: StepRow, tool_calls: StepToolCall[]): StepRow {
  return { ...step, step_details: { type: 'tool_calls', tool_calls } }
}

function withStep(state: RunState, calls: StepRow): Transition {
  return {
    ...unchanged({ ...state, openTurn: { ...(state.openTurn ?? newTurn), callsStep: calls } }),
    steps: [calls],
  }
}

function viewOf({ row }: RunState): { withSearchContent: boolean } {
  return { withSearchContent: row.settings.include_search_content }
}
