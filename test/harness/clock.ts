/** A clock that a test advances. */
import type { Clock } from '../../src/util/clock.ts'

export interface TestClock extends Clock {
  advance(seconds: number): void
  /** As when the clock of the machine is set: no time passes. */
  set(seconds: number): void
}

export function testClock(startMs = Date.now()): TestClock {
  let nowMs = startMs
  let elapsedMs = 0
  return {
    nowMs: () => nowMs,
    elapsedMs: () => elapsedMs,
    advance(seconds) {
      nowMs += seconds * 1000
      elapsedMs += seconds * 1000
    },
    set(seconds) {
      nowMs += seconds * 1000
    },
  }
}
