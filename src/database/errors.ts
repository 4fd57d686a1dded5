/** Distinguishes an unavailable database from an invalid statement. */
import { DatabaseUnavailable } from './database.ts'
import { codeOf } from '../util/error-code.ts'

/**
 * SQLSTATEs of a server that cannot serve now: connection failures (08), shutdown and start (57P), too many connections
 * (53300), a full disk (53100), a session that was ended while idle (25P03), a standby that takes no writes (25006).
 */
const unavailableCodes = /^(08...|57P0[1235]|53300|53100|25P03|25006)$/

/** Whether the database answered that it takes no writes now. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof DatabaseUnavailable && codeOf(error.cause) === '25006'
}

/** Of a database that takes no connections. Statements have the same SQLSTATE for other reasons. */
const refusedConnectionCode = '55000'

/** Codes of the socket or the resolver when nothing answers. */
const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
])

/** The driver's own failures have no code, only these messages. */
const driverMessages = [
  'Connection terminated',
  'timeout expired',
  'Query read timeout',
  'timeout exceeded when trying to connect',
  'Cannot use a pool after calling end on the pool',
  'Client has encountered a connection error',
  'Client was closed and is not queryable',
]

/**
 * The error for callers: `DatabaseUnavailable` when the connection or the server failed, else the error itself.
 * `wasSent`: see `DatabaseUnavailable`.
 */
export function translateError(error: unknown, wasSent = true): unknown {
  const refusesConnections = !wasSent && codeOf(error) === refusedConnectionCode
  if (!(error instanceof Error) || !(refusesConnections || isConnectionFailure(error))) return error
  return new DatabaseUnavailable(`The database is unavailable: ${error.message || codeOf(error)}`, {
    cause: error,
    wasSent,
  })
}

function isConnectionFailure(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof DatabaseUnavailable) return false
  // A host name with several addresses fails with the errors of all of them.
  if (error instanceof AggregateError) return error.errors.some(isConnectionFailure)
  const code = codeOf(error)
  if (unavailableCodes.test(code) || unreachableCodes.has(code)) return true
  return driverMessages.some((message) => error.message.startsWith(message))
}
