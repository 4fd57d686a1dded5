/** The state of a run as the database holds it: row, steps, open message and log. */
import type { MessageDelta } from '../api/events.ts'
import type { Message } from '../api/messages.ts'
import type { Queryable } from '../database/database.ts'
import { openMessages } from '../sql/messages.ts'
import { readEvents } from '../sql/run-events.ts'
import { stepsOfRun, type StepRow } from '../sql/run-steps.ts'
import type { RunRow } from '../sql/runs.ts'
import { withDelta } from './content.ts'
import { emptyState, sumUsage, type OpenTurn, type RunState } from './state.ts'

/** A run with so few events has no steps: the first event of a step comes after those of the creation and of the claim. */
const creationEvents = 3

/** The row must be locked, or owned by this process. */
export async function loadState(db: Queryable, row: RunRow): Promise<RunState> {
  if (row.event_count <= creationEvents) return emptyState(row)
  const [steps, [message]] = await Promise.all([stepsOfRun(db, row.id), openMessages(db, row.id)])
  const ended = steps.filter((step) => step.status !== 'in_progress')
  return {
    row,
    spent: sumUsage(ended.map((step) => step.usage)),
    turns: ended.filter((step) => step.type === 'tool_calls').length,
    openTurn: openTurn(steps, message && (await streamed(db, row.id, message))),
  }
}

/** The turn that has not ended, if there is one. */
function openTurn(steps: readonly StepRow[], message: Message | undefined): OpenTurn | null {
  const open = steps.filter((step) => step.status === 'in_progress')
  const callsStep = open.find((step) => step.type === 'tool_calls') ?? null
  const step = open.find((one) => one.type === 'message_creation')
  const completed = steps.flatMap((one) => {
    const message_id = messageOf(one)
    if (one.status !== 'completed' || message_id === undefined || isOfEndedTurn(steps, one)) return []
    return [{ message_id, step: one }]
  })
  if (!callsStep && !step && completed.length === 0) return null
  return { completed, openMessage: message && step ? { message, step } : null, callsStep }
}

/** A turn is recorded on its step of calls, or, without one, on the step of its message. */
function isOfEndedTurn(steps: readonly StepRow[], step: StepRow): boolean {
  const message_id = messageOf(step) ?? ''
  const isEnded = (one: StepRow) => one.type === 'tool_calls' && one.status !== 'in_progress'
  return (
    step.turn !== null ||
    steps.slice(steps.indexOf(step)).some(isEnded) ||
    steps.some((one) => isEnded(one) && one.turn?.message_ids?.includes(message_id))
  )
}

function messageOf({ step_details }: StepRow): string | undefined {
  return step_details.type === 'message_creation' ? step_details.message_creation.message_id : undefined
}

/** The message with the content that the deltas in the log add up to. */
async function streamed(db: Queryable, run_id: string, message: Message): Promise<Message> {
  let whole: Message = { ...message, content: [] }
  for (let last = 0; ;) {
    const events = await readEvents(db, run_id, last)
    const end = events.at(-1)
    if (!end) return whole
    last = end.number
    for (const { event, data } of events) {
      if (event !== 'thread.message.delta') continue
      const { id, delta } = JSON.parse(data) as MessageDelta
      if (id === message.id) whole = delta.content.reduce(withDelta, whole)
    }
  }
}
