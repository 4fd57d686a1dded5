/** Closes the open message and steps of a turn when its run or its attempt ends. */
import type { Message } from '../api/messages.ts'
import { stepErrorOf } from '../api/run-steps.ts'
import type { Usage } from '../api/runs.ts'
import type { LogEvent } from '../sql/run-events.ts'
import type { StepRow } from '../sql/run-steps.ts'
import { messageEvent, stepEvent } from './events.ts'
import type { Ending, OpenTurn } from './state.ts'

export interface ClosedTurn {
  messages: Message[]
  steps: StepRow[]
  events: LogEvent[]
}

/** In the order of the live streams: the message, its step, and then the step of the calls. */
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
