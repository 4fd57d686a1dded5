/** A clock that a test advances. */
import type { Clock } from '../../src/util/clock.ts'

export interface TestClock extends Clock {
  advance(seconds: number): void
}

export function testClock(startMs = Date.now()): TestClock {
  let nowMs = startMs
  return {
    nowMs: () => nowMs,
    advance(seconds) {
      nowMs += seconds * 1000
    },
  }
}
