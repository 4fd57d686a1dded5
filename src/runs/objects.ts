/**
 * Messages and steps of a turn: how they begin, how they are completed, and how they are closed when their run ends before
 * they are completed.
 */
import type { Message } from '../api/messages.ts'
import { stepErrorOf, type StepToolCall } from '../api/run-steps.ts'
import type { Usage } from '../api/runs.ts'
import type { LogEvent } from '../sql/run-events.ts'
import type { StepRow } from '../sql/run-steps.ts'
import type { RunRow } from '../sql/runs.ts'
import { messageEvent, stepEvent } from './events.ts'
import type { Ending, OpenTurn, TurnOutcome } from './state.ts'

/** A step that has just begun. */
export function newStep(
  row: RunRow,
  step: { id: string; created_at: number; step_details: StepRow['step_details'] },
): StepRow {
  const { id, created_at, step_details } = step
  return {
    id,
    object: 'thread.run.step',
    created_at,
    run_id: row.id,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    type: step_details.type,
    status: 'in_progress',
    cancelled_at: null,
    completed_at: null,
    expires_at: row.expires_at,
    expired_at: null,
    failed_at: null,
    last_error: null,
    step_details,
    usage: null,
    turn: null,
  }
}

/** A message that has no content yet. */
export function newMessage(row: RunRow, { id, created_at }: { id: string; created_at: number }): Message {
  return {
    id,
    object: 'thread.message',
    created_at,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    run_id: row.id,
    status: 'in_progress',
    incomplete_details: null,
    incomplete_at: null,
    completed_at: null,
    role: 'assistant',
    content: [],
    attachments: [],
    metadata: {},
  }
}

/** The calls that a step shows; none for the step of a message. */
export function callsOf(step: Pick<StepRow, 'step_details'> | null | undefined): StepToolCall[] {
  const details = step?.step_details
  return details?.type === 'tool_calls' ? details.tool_calls : []
}

/** The message at the end of its turn. */
export function endedMessage(message: Message, outcome: TurnOutcome, at: number): Message {
  if (outcome === 'continue' || outcome === 'complete') {
    return { ...message, status: 'completed', completed_at: at }
  }
  return { ...message, status: 'incomplete', incomplete_details: { reason: outcome }, incomplete_at: at }
}

/** `usage` is what the step shows: that of its turn, or none where another step shows it. */
export function completedStep(step: StepRow, { at, usage }: { at: number; usage: Usage | null }): StepRow {
  return { ...step, status: 'completed', completed_at: at, usage }
}

interface ClosedTurn {
  messages: Message[]
  steps: StepRow[]
  events: LogEvent[]
}

/**
 * Closes what is open when a run or its attempt ends. In the order of the live streams: the message, its step, and then the
 * step of the calls.
 */
export function closedTurn(
  turn: OpenTurn | null,
  ending: Ending,
  { at, usage }: { at: number; usage: Usage | null },
): ClosedTurn {
  const message = turn?.openMessage && closedMessage(turn.openMessage.message, ending, at)
  const steps = [
    ...(turn?.openMessage ? [closedStep(turn.openMessage.step, ending, { at, usage: null })] : []),
    ...(turn?.callsStep ? [closedStep(turn.callsStep, ending, { at, usage })] : []),
  ]
  return {
    messages: message ? [message] : [],
    steps,
    events: [
      ...(message ? [messageEvent('thread.message.incomplete', message)] : []),
      ...steps.map((step) => stepEvent(`thread.run.step.${ending.reason}`, step)),
    ],
  }
}

function closedMessage(message: Message, { reason }: Ending, at: number): Message {
  const incomplete_details = { reason: `run_${reason}` as const }
  return { ...message, status: 'incomplete', incomplete_details, incomplete_at: at }
}

function closedStep(
  step: StepRow,
  ending: Ending,
  { at, usage }: { at: number; usage: Usage | null },
): StepRow {
  const closed = { ...step, status: ending.reason, usage }
  switch (ending.reason) {
    case 'cancelled':
      return { ...closed, cancelled_at: at }
    case 'expired':
      return { ...closed, expired_at: at }
    case 'failed':
      return { ...closed, failed_at: at, last_error: stepErrorOf(ending.last_error) }
  }
}
