/** Parts of transitions. */
import type { LogEvent } from '../sql/run-events.ts'
import type { RunState, Transition, TransitionEvent } from './state.ts'

/** A transition that changes nothing but what the caller puts in its place. */
export function unchanged(state: RunState): Transition {
  return { state, steps: [], messages: [], removed: [], events: [] }
}

/** Events that are emitted once they are committed. */
export function committed(...events: LogEvent[]): TransitionEvent[] {
  return events.map((event) => ({ ...event, isEarly: false }))
}

/** Events that may be emitted before they are committed. */
export function early(...events: LogEvent[]): TransitionEvent[] {
  return events.map((event) => ({ ...event, isEarly: true }))
}
