/** An error as text. */
import { inspect } from 'node:util'

const maxCauses = 5

/** `message: message of its cause: …`, without stack traces. What is not an `Error` is printed as text. */
export function describeError(error: unknown): string {
  const messages: string[] = []
  let cause = error
  while (cause instanceof Error && messages.length < maxCauses) {
    messages.push(ownMessage(cause))
    cause = cause.cause
  }
  if (cause !== undefined && !(cause instanceof Error))
    messages.push(inspect(cause, { breakLength: Infinity }))
  return messages.join(': ').replaceAll(/\s+/g, ' ')
}

/** The message alone: causes are for the log, or the message repeats them. What is not an `Error` is printed as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** `message (message of its cause)`. */
export function messageWithCause(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? `${messageOf(error)} (${cause.message})` : messageOf(error)
}

/** The message, or the messages of the errors that an `AggregateError` holds, or else the name. */
function ownMessage(error: Error): string {
  if (error.message !== '') return error.message
  if (error instanceof AggregateError) return error.errors.map((one) => describeError(one)).join(', ')
  return 'code' in error ? `${error.name} ${String(error.code)}` : error.name
}
