/** Tells a database that is away from a statement that is wrong. */
import { DatabaseUnavailable } from './database.ts'

/** SQLSTATE classes and codes with which a server says that it is not there, or no longer. */
const awayCodes = /^(08...|57P0[1235]|53300|25P03)$/

/** What the socket or the resolver says when nobody answers. */
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

/** The driver's own failures carry no code, only these words. */
const driverMessages = [
  'Connection terminated',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Cannot use a pool after calling end on the pool',
  'Client has encountered a connection error',
  'Client was closed and is not queryable',
]

/** The error as callers should see it: `DatabaseUnavailable` when the connection failed, else itself. */
export function translateError(error: unknown): unknown {
  if (!isConnectionFailure(error)) return error
  return new DatabaseUnavailable(`The database is unavailable: ${error.message || codeOf(error)}`, {
    cause: error,
  })
}

function isConnectionFailure(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof DatabaseUnavailable) return false
  // Happy-eyeballs connects to several addresses and reports all their failures in one.
  if (error instanceof AggregateError) return error.errors.some(isConnectionFailure)
  const code = codeOf(error)
  if (awayCodes.test(code) || unreachableCodes.has(code)) return true
  return driverMessages.some((message) => error.message.startsWith(message))
}

/** The SQLSTATE or the system's error code, '' without one. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Whether a statement failed because it would have broken this unique constraint or unique index. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return (
    codeOf(error) === '23505' &&
    error instanceof Error &&
    'constraint' in error &&
    error.constraint === constraint
  )
}
