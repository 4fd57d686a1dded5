/** The clock for times that users see, such as `created_at` and `expires_at`, and for the durations that follow from them. */

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
  /** Milliseconds since some moment. Unlike `nowMs`, it does not change when the clock of the machine is set. */
  elapsedMs(): number
}

export const systemClock: Clock = { nowMs: () => Date.now(), elapsedMs: () => performance.now() }

/** Whole Unix seconds, the unit of every `_at` field on the wire. */
export function nowSeconds(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000)
}
