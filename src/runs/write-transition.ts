/** Writes one transition, in a transaction of the caller. run-writer.ts writes those of runs that this process owns. */
import type { Message } from '../api/messages.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import type { NumberedEvent } from '../sql/run-events.ts'
import { writeRuns, type Fence, type RunWrite } from '../sql/run-writes.ts'
import { numbered } from './events.ts'
import type { RunState, Transition } from './state.ts'

/** A run after a write: its state as in the database, and the events that the log got with the write. */
export interface WrittenRun {
  state: RunState
  events: NumberedEvent[]
  /** All messages of the thread, where the thread was created with the run. */
  newThread?: readonly Message[]
}

/** What is created with a run. */
export interface Created {
  messages?: readonly Message[]
  thread?: Thread
  /** As in `RunWrite`. */
  assistantVersion?: string | undefined
}

/** The assistant that a run was to be created from has changed since it was read. */
export class StaleAssistant extends Error {
  override readonly name = 'StaleAssistant'
}

/** `new`: the run is created. `locked`: the caller's transaction has locked the row. */
export async function writeTransition(
  db: Queryable,
  fence: 'new' | 'locked',
  transition: Transition,
  { notifications, ...created }: Created & { notifications: readonly string[] },
): Promise<WrittenRun> {
  const { row } = transition.state
  const counters = (await writeRuns(db, [writeOf(fence, transition, created)], notifications)).get(row.id)
  if (counters) return writtenRun(transition, created, counters)
  if (fence === 'new' && created.assistantVersion !== undefined) throw new StaleAssistant()
  throw new Error(`run ${row.id} was expected to be ${fence}`)
}

export function writeOf<F extends Fence>(
  fence: F,
  transition: Transition,
  { thread, messages: created = [], assistantVersion }: Created,
): RunWrite<F> {
  const { state, steps, messages, removed, events } = transition
  const { row } = state
  const all = [...created, ...messages]
  return { fence, row, events, steps, messages: all, removed, ...(thread && { thread }), assistantVersion }
}

/** The run after its write. The default counters are those of a new run: no changes and no writes of an owner yet. */
export function writtenRun(
  { state, events }: Transition,
  { thread, messages = [] }: Created,
  counters = { event_count: events.length, revision: 0, writes: 0 },
): WrittenRun {
  return {
    state: { ...state, row: { ...state.row, ...counters } },
    events: numbered(events, counters.event_count - events.length + 1),
    ...(thread && { newThread: messages }),
  }
}
