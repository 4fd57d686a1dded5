/** The log of a component. `cli/logger.ts` decides the destination and the format. */
import { Unavailable } from './unavailable.ts'

/** `fields` must not contain keys, prompts or file contents. */
export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: object) => void

/** How often a warning is written that is repeated. */
const repeatMs = 60_000
/** A warning that was absent for this long is a new one. Longer than a statement waits for a silent database. */
const calmMs = 35_000

/**
 * Every loop of a server warns when a part of the server is unavailable, as often as it tries again. Here each of these
 * warnings is written when it begins, and then once a minute with the number of its repeats, which are debug lines.
 */
export function withoutRepeats(log: Log): Log {
  const known = new Map<string, { writtenMs: number; seenMs: number; repeated: number }>()
  return (level, message, fields = {}) => {
    const { error } = fields as { error?: unknown }
    if (level !== 'warn' || !(error instanceof Unavailable)) return log(level, message, fields)
    const nowMs = performance.now()
    const cause = `${message}: ${error.reason}`
    const last = known.get(cause)
    const repeated = last && nowMs - last.seenMs < calmMs ? last.repeated + 1 : 0
    if (last && repeated > 0 && nowMs - last.writtenMs < repeatMs) {
      known.set(cause, { ...last, seenMs: nowMs, repeated })
      log('debug', message, fields)
    } else {
      known.set(cause, { writtenMs: nowMs, seenMs: nowMs, repeated: 0 })
      log(level, message, repeated > 0 ? { ...fields, repeated } : fields)
    }
  }
}
