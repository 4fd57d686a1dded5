/** An error in one line. */
import { inspect } from 'node:util'

const maxCauses = 5

/** `message: message of its cause: …`, without stack traces. What is not an `Error` is printed as text. */
export function describeError(error: unknown): string {
  const messages: string[] = []
  let cause = error
  while (cause instanceof Error && messages.length < maxCauses) {
    messages.push(messageOf(cause))
    cause = cause.cause
  }
  if (cause !== undefined && !(cause instanceof Error))
    messages.push(inspect(cause, { breakLength: Infinity }))
  return messages.join(': ').replaceAll(/\s+/g, ' ')
}

/** The message, or the messages of the errors that an `AggregateError` holds, or else the name. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message
  if (error instanceof AggregateError) return error.errors.map((one) => describeError(one)).join(', ')
  return 'code' in error ? `${error.name} ${String(error.code)}` : error.name
}
