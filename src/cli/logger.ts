/** The log on stdout: JSON lines, or readable ones on a terminal. Held back until the banner has been printed. */
import pino from 'pino'
import { describeError } from '../util/describe-error.ts'
import { withoutRepeats, type Log } from '../util/log.ts'

export interface Logger {
  log: Log
  /** Prints the lines that were held back. From now on, each line is printed at once. */
  release: () => void
}

/**
 * The lines of one tick of the event loop are written together, up to this length. Warnings and errors are not delayed.
 */
const joinedCharacters = 8 * 1024

type Level = Parameters<Log>[0]

export function openLogger(level: Level): Logger {
  // A failure is one line; its stack trace is shown at the level debug only.
  const errors = level === 'debug' ? pino.stdSerializers.err : describeError
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: errors, err: errors },
  }
  // The stream of a terminal has a thread, which joins lines by itself.
  const lines = process.stdout.isTTY ? undefined : joinLines(openStdout())
  const out = pino(
    options,
    lines ?? pino.transport({ target: 'pino-pretty', options: { ignore: 'pid,hostname' } }),
  )
  if (lines) process.once('exit', lines.flush)
  const held: Parameters<Log>[] = []
  let isHeld = true
  const print: Log = (at, message, fields) => {
    out[at](fields ?? {}, message)
    if (at === 'warn' || at === 'error') lines?.flush()
  }
  return {
    log: withoutRepeats((...line) => {
      if (!isHeld) print(...line)
      // Printed to stderr at once, so that a start that waits or fails is not silent. stdout begins with the banner.
      else if (line[0] === 'warn' || line[0] === 'error') printAside(...line)
      else held.push(line)
    }),
    release() {
      isHeld = false
      for (const line of held.splice(0)) print(...line)
    },
  }
}

/** When the reader has ended or the disk is full, only the log ends. It continues when the disk has space again. */
function openStdout(): pino.DestinationStream {
  const file = pino.destination({ fd: 1, sync: true })
  file.on('error', () => undefined)
  return file
}

/** Writes lines together. When the reader of stdout has ended, only the log ends: the destination ignores EPIPE. */
function joinLines(file: pino.DestinationStream): pino.DestinationStream & { flush: () => void } {
  let text = ''
  const flush = () => {
    const joined = text
    text = ''
    if (joined !== '') file.write(joined)
  }
  return {
    flush,
    write(line) {
      if (text === '') setImmediate(flush)
      text += line
      if (text.length >= joinedCharacters) flush()
    },
  }
}

const printAside: Log = (level, message, fields = {}) => {
  const { error, ...others } = fields as { error?: unknown }
  const more = Object.keys(others).length > 0 ? ` ${JSON.stringify(others)}` : ''
  const cause = error === undefined ? '' : `: ${describeError(error)}`
  process.stderr.write(`${level}: ${message}${cause}${more}\n`)
}
