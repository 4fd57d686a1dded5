/** Writes transitions of runs that no worker of this process owns; those of owned runs are written by recorder.ts. */
import type { Message } from '../api/messages.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import type { NumberedEntry } from '../sql/run-events.ts'
import { writeRuns } from '../sql/run-writes.ts'
import { numbered } from './events.ts'
import type { RunState, Transition } from './state.ts'

/** A run as it is in the database, and the events that the log got with its latest transition. */
export interface PersistedRun {
  state: RunState
  events: NumberedEntry[]
  /** All messages of the thread, where the thread was created with the run. */
  newThread?: readonly Message[]
}

/** `new`: the run is created. `locked`: the caller's transaction has locked the row. */
export async function persist(
  db: Queryable,
  fence: 'new' | 'locked',
  transition: Transition,
  options: { notifications: readonly string[]; thread?: Thread; messages?: readonly Message[] },
): Promise<PersistedRun> {
  const { state, steps, messages, removed, events } = transition
  const { row } = state
  const { thread, messages: created = [], notifications } = options
  const write = {
    fence,
    row,
    events,
    steps,
    messages: [...created, ...messages],
    removed,
    ...(thread && { thread }),
  }
  const counters = (await writeRuns(db, [write], notifications)).get(row.id)
  if (!counters) throw new Error(`run ${row.id} was expected to be ${fence}`)
  return {
    state: { ...state, row: { ...row, ...counters } },
    events: numbered(events, counters.event_count - events.length + 1),
    ...(thread && { newThread: created }),
  }
}
