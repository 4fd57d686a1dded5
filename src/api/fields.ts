/**
 * The field types of requests. The `error` text of a schema is the expected type as a noun phrase (`an integer`,
 * `one of a string or array of objects`); parse.ts builds the sentence.
 */
import { z } from 'zod'
import { type ApiError, errors } from './errors.ts'

/** Creates the error of a check that has its own text: parse.ts calls it with the path of the field. */
export type IssueError = (path: string) => ApiError

/** The largest count that every SDK can read and every integer column can hold. */
const maxInteger = 2_147_483_647

const prefixes = {
  assistant: 'asst',
  thread: 'thread',
  message: 'msg',
  run: 'run',
  step: 'step',
  file: 'file',
  vector_store: 'vs',
  file_batch: 'vsfb',
} as const

export type IdKind = keyof typeof prefixes

/** The prefix of the ids of a kind, as errors name it: without the separator. */
export function idPrefix(kind: IdKind): string {
  return prefixes[kind]
}

/** The length in code points, as Python counts. It makes no list of them, so that long texts cost little. */
export function codePoints(text: string): number {
  let count = 0
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    const next = text.charCodeAt(index + 1)
    if (unit >= 0xd800 && unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) index += 1
    count += 1
  }
  return count
}

/** A string of at most `max` code points; `min: 1` refuses the empty one. */
export function text(limits: { min?: 1; max?: number; pattern?: RegExp } = {}) {
  const { min, max, pattern } = limits
  return z
    .string()
    .check(({ value, issues }) => {
      if (min === 1 && value === '') return addIssue(issues, value, (path) => errors.emptyString(path))
      if (max !== undefined && value.length > max) {
        const length = codePoints(value)
        if (length > max) return addIssue(issues, value, (path) => errors.stringTooLong(path, max, length))
      }
      if (pattern && !pattern.test(value)) {
        addIssue(issues, value, (path) => errors.patternMismatch(path, pattern.source))
      }
    })
    .meta({
      ...(min && { minLength: min }),
      ...(max !== undefined && { maxLength: max }),
      ...(pattern && { pattern: pattern.source }),
    })
}

/** An id with the prefix of its kind; whether the object exists is checked later. */
export function id(kind: IdKind) {
  const prefix = prefixes[kind]
  return z
    .string()
    .check(({ value, issues }) => {
      if (!value.startsWith(prefix)) addIssue(issues, value, (path) => errors.invalidId(path, value, prefix))
    })
    .meta({ pattern: `^${prefix}` })
}

export function integer(min: number, max: number = maxInteger) {
  const noun = { error: 'an integer' }
  return z.int(noun).min(min, noun).max(max, noun)
}

export function decimal(min: number, max: number) {
  return z.number().min(min).max(max)
}

/** Adds an error with its own text to the issues of a check. */
export function addIssue(issues: z.core.$ZodRawIssue[], input: unknown, issueError: IssueError): void {
  issues.push({ code: 'custom', input, params: { issueError } })
}

/** An object with any keys, for example a JSON Schema. */
export const anyObject = z.record(z.string(), z.unknown())

const timestamp = z.int()
/** Unix seconds. */
export const at = timestamp
/** Unix seconds, or null until it happens. */
export const atOrNull = timestamp.nullable()

/** The answer to a DELETE. */
export function deletion<Name extends string>(object: Name) {
  return z.strictObject({ id: z.string(), object: z.literal(object), deleted: z.literal(true) })
}
