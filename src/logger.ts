/** The log on stdout: JSON lines, or readable ones on a terminal. Held back until the banner has been printed. */
import pino from 'pino'
import { describeError } from './util/describe-error.ts'
import type { Log } from './util/log.ts'

export interface Logger {
  log: Log
  /** Prints what was held back, and from now on everything at once. */
  release: () => void
}

export function openLogger(level: 'debug' | 'info' | 'warn' | 'error'): Logger {
  // A line for each failure; stack traces are for those who ask for them.
  const printed = level === 'debug' ? pino.stdSerializers.err : describeError
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: printed, err: printed },
  }
  const target = process.stdout.isTTY
    ? pino.transport({ target: 'pino-pretty', options: { ignore: 'pid,hostname' } })
    : pino.destination({ fd: 1, sync: true })
  const out = pino(options, target)
  const held: Parameters<Log>[] = []
  let isHeld = true
  const print: Log = (at, message, fields) => out[at](fields ?? {}, message)
  return {
    log: (...line) => {
      if (isHeld) held.push(line)
      else print(...line)
    },
    release() {
      isHeld = false
      for (const line of held.splice(0)) print(...line)
    },
  }
}
