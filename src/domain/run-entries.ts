/** The entries of the run log, as the live API's streams carry them. */
import type { RunEvent } from '../api/events.ts'
import type { Message } from '../api/messages.ts'
import type { Run } from '../api/runs.ts'
import type { Thread } from '../api/threads.ts'
import type { Entry } from '../sql/run-events.ts'
import { stepPayload, type StepRow, type StepView } from '../sql/run-steps.ts'

type EventName<Prefix extends string> = Extract<RunEvent['event'], `${Prefix}.${string}`>

/** Live streams show `tool_resources` with this default where other answers show `{}`. */
const streamedResources = { code_interpreter: { file_ids: [] } }

function withResources<Owner extends Run | Thread>(owner: Owner): Owner {
  if (Object.keys(owner.tool_resources ?? {}).length > 0) return owner
  return { ...owner, tool_resources: streamedResources }
}

export function threadEntry(thread: Thread): Entry {
  return { event: 'thread.created', data: JSON.stringify(withResources(thread)) }
}

export function runEntry(
  event: Exclude<EventName<'thread.run'>, EventName<'thread.run.step'>>,
  run: Run,
): Entry {
  return { event, data: JSON.stringify(withResources(run)) }
}

/** The entry that tells of the status that the run now has. */
export function runStatusEntry(run: Run): Entry {
  return runEntry(`thread.run.${run.status}`, run)
}

export function stepEntry(
  event: Exclude<EventName<'thread.run.step'>, 'thread.run.step.delta'>,
  step: StepRow,
  view: StepView = { withSearchContent: false },
): Entry {
  return { event, data: JSON.stringify(stepPayload(step, view)) }
}

export function messageEntry(
  event: Exclude<EventName<'thread.message'>, 'thread.message.delta'>,
  message: Message,
): Entry {
  return { event, data: JSON.stringify(message) }
}

export function messageDeltaEntry(id: string, part: object): Entry {
  const delta = { id, object: 'thread.message.delta', delta: { content: [part] } }
  return { event: 'thread.message.delta', data: JSON.stringify(delta) }
}

export function stepDeltaEntry(id: string, call: object): Entry {
  const step_details = { type: 'tool_calls', tool_calls: [call] }
  return {
    event: 'thread.run.step.delta',
    data: JSON.stringify({ id, object: 'thread.run.step.delta', delta: { step_details } }),
  }
}

/** GET shows a thread without resources in the same form as streams do. */
export const fetchedThread = (thread: Thread): Thread => withResources(thread)
