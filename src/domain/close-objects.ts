/** How the open message and step of a run end when the run does. */
import type { Message } from '../api/messages.ts'
import type { Run } from '../api/runs.ts'
import type { Entry } from '../sql/run-events.ts'
import type { StepRow } from '../sql/run-steps.ts'
import { messageEntry, stepEntry } from './run-entries.ts'

/** Why a run ended before its work was done. */
export type Ending =
  | { reason: 'cancelled' }
  | { reason: 'expired' }
  | { reason: 'failed'; last_error: NonNullable<Run['last_error']> }

export interface ClosedObjects {
  messages: Message[]
  steps: StepRow[]
  entries: Entry[]
}

/** Closes what is open, in the order of the live streams: the message, then the step. */
export function closeObjects(
  open: { message?: Message | undefined; step?: StepRow | undefined },
  ending: Ending,
  options: { now: number; usage: StepRow['usage'] },
): ClosedObjects {
  const message = open.message && closeMessage(open.message, `run_${ending.reason}`, options.now)
  const step = open.step && closeStep(open.step, ending, options)
  return {
    messages: message ? [message] : [],
    steps: step ? [step] : [],
    entries: [
      ...(message ? [messageEntry('thread.message.incomplete', message)] : []),
      ...(step ? [stepEntry(`thread.run.step.${ending.reason}`, step)] : []),
    ],
  }
}

export function closeMessage(
  message: Message,
  reason: NonNullable<Message['incomplete_details']>['reason'],
  now: number,
): Message {
  return { ...message, status: 'incomplete', incomplete_details: { reason }, incomplete_at: now }
}

function closeStep(
  step: StepRow,
  ending: Ending,
  { now, usage }: { now: number; usage: StepRow['usage'] },
): StepRow {
  const closed = { ...step, status: ending.reason, usage }
  switch (ending.reason) {
    case 'cancelled':
      return { ...closed, cancelled_at: now }
    case 'expired':
      return { ...closed, expired_at: now }
    case 'failed':
      return { ...closed, failed_at: now, last_error: stepError(ending.last_error) }
  }
}

/** Steps know two codes only. */
function stepError(error: NonNullable<Run['last_error']>): StepRow['last_error'] {
  return {
    code: error.code === 'rate_limit_exceeded' ? 'rate_limit_exceeded' : 'server_error',
    message: error.message,
  }
}
