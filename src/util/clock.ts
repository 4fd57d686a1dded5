/** The clock for times that users see, such as `created_at` and `expires_at`. They never come from `Date`. */

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
}

export const systemClock: Clock = { nowMs: () => Date.now() }

/** Whole Unix seconds, the unit of every `_at` field on the wire. */
export function nowSeconds(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000)
}
