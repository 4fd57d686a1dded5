/**
 * The kinds of field that requests are made of. A schema's `error` text is not a sentence but the noun that a wrong
 * type is told to expect (`an integer`, `one of a string or array of objects`); parse.ts makes the sentence.
 */
import { z } from 'zod'
import { type ApiError, errors } from './errors.ts'

/** A failure that only the schema knows the words for: parse.ts calls it with the field's path and throws. */
export type Complaint = (path: string) => ApiError

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

/** What ids of a kind begin with, as the error names it: without the separator. */
export function idPrefix(kind: IdKind): string {
  return prefixes[kind]
}

/** Length as Python counts it, in code points; stops counting where it stops mattering. */
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
      if (min === 1 && value === '') return complain(issues, value, (path) => errors.emptyString(path))
      if (max !== undefined && value.length > max) {
        const length = codePoints(value)
        if (length > max) return complain(issues, value, (path) => errors.stringTooLong(path, max, length))
      }
      if (pattern && !pattern.test(value)) {
        complain(issues, value, (path) => errors.patternMismatch(path, pattern.source))
      }
    })
    .meta({
      ...(min && { minLength: min }),
      ...(max !== undefined && { maxLength: max }),
      ...(pattern && { pattern: pattern.source }),
    })
}

/** An id that begins as ids of its kind do; whether it exists is asked later. */
export function id(kind: IdKind) {
  const prefix = prefixes[kind]
  return z
    .string()
    .check(({ value, issues }) => {
      if (!value.startsWith(prefix)) complain(issues, value, (path) => errors.invalidId(path, value, prefix))
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

/** Adds a failure with its own words to the issues of a check. */
export function complain(issues: z.core.$ZodRawIssue[], input: unknown, complaint: Complaint): void {
  issues.push({ code: 'custom', input, params: { complaint } })
}

/** An object whose keys are nobody's business: a JSON Schema, for example. */
export const anyObject = z.record(z.string(), z.unknown())

const timestamp = z.int()
/** Unix seconds. */
export const at = timestamp
/** Unix seconds, or null as long as it has not happened. */
export const atOrNull = timestamp.nullable()

/** The answer to a DELETE. */
export function deletion<Name extends string>(object: Name) {
  return z.strictObject({ id: z.string(), object: z.literal(object), deleted: z.literal(true) })
}
