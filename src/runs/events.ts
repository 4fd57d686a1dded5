/** The events of a run, as the streams of the live API carry them. */
import type { MessageContentDelta, RunEvent, StepToolCallDelta } from '../api/events.ts'
import type { Message } from '../api/messages.ts'
import type { Run } from '../api/runs.ts'
import type { Thread } from '../api/threads.ts'
import type { LogEvent, NumberedEvent } from '../sql/run-events.ts'
import { stepPayload, type StepRow, type StepView } from '../sql/run-steps.ts'

type EventName<Prefix extends string> = Extract<RunEvent['event'], `${Prefix}.${string}`>

/** Live streams show `tool_resources` with this default where other answers show `{}`. */
const streamedResources = { code_interpreter: { file_ids: [] } }

/** A thread or run as streams show it; GET shows threads in this form too. */
export function withResources<Owner extends Run | Thread>(owner: Owner): Owner {
  if (Object.keys(owner.tool_resources ?? {}).length > 0) return owner
  return { ...owner, tool_resources: streamedResources }
}

export function threadEvent(thread: Thread): LogEvent {
  return { event: 'thread.created', data: JSON.stringify(withResources(thread)) }
}

export function runEvent(
  event: Exclude<EventName<'thread.run'>, EventName<'thread.run.step'>>,
  run: Run,
): LogEvent {
  return { event, data: JSON.stringify(withResources(run)) }
}

export function stepEvent(
  event: Exclude<EventName<'thread.run.step'>, 'thread.run.step.delta'>,
  step: StepRow,
  view: StepView = { withSearchContent: false },
): LogEvent {
  return { event, data: JSON.stringify(stepPayload(step, view)) }
}

export function messageEvent(
  event: Exclude<EventName<'thread.message'>, 'thread.message.delta'>,
  message: Message,
): LogEvent {
  return { event, data: JSON.stringify(message) }
}

export function messageDelta(id: string, part: MessageContentDelta): LogEvent {
  const event = 'thread.message.delta'
  return { event, data: `{"id":"${id}","object":"${event}","delta":{"content":[${JSON.stringify(part)}]}}` }
}

export function stepDelta(id: string, call: StepToolCallDelta): LogEvent {
  const step_details = { type: 'tool_calls', tool_calls: [call] }
  return {
    event: 'thread.run.step.delta',
    data: JSON.stringify({ id, object: 'thread.run.step.delta', delta: { step_details } }),
  }
}

/** Events with their numbers in the log, the first of which is `first`. */
export function numbered(events: readonly LogEvent[], first: number): NumberedEvent[] {
  return events.map(({ event, data }, index) => ({ event, data, number: first + index }))
}
