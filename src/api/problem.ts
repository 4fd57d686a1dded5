/** Chooses one of the issues that zod found, and gives it the text of the live service. */
import type { z } from 'zod'
import { type ApiError, errors } from './errors.ts'
import type { IssueError } from './fields.ts'
import { infiniteNumber, joinPath } from './inspect.ts'

type Issue = z.core.$ZodIssue

/**
 * The first problem: at each level the missing required keys, then the other keys in the order of the request,
 * unknown ones included.
 */
export function firstProblem(issues: readonly Issue[], body: unknown, base: string): ApiError {
  const first = earliest(issues, { body, positions: new Map() })
  if (!first) throw new Error('expected a failed parse to have an issue')
  return toError(first.issue, body, base)
}

/** The body and the position of each key of its objects; computed once, because a hostile body has many keys. */
interface Document {
  body: unknown
  positions: Map<object, Map<string, number>>
}

interface Ranked {
  issue: Issue
  rank: number[]
}

function earliest(issues: readonly Issue[], document: Document): Ranked | undefined {
  let first: Ranked | undefined
  for (const issue of issues) {
    const found = rankedIssue(issue, document)
    if (!first || isBefore(found, first)) first = found
  }
  return first
}

/** An issue with its path; for a union, the first issue of the branch that fits best. */
function rankedIssue(issue: Issue, document: Document): Ranked {
  if (issue.code === 'unrecognized_keys') {
    const unknown = { ...issue, path: [...issue.path, issue.keys[0] ?? ''] }
    return { issue: unknown, rank: rankOf(unknown.path, document) }
  }
  const own = { issue, rank: rankOf(issue.path, document) }
  if (issue.code !== 'invalid_union') return own
  const value = valueAt(document.body, issue.path)
  // Of several branches for one JSON type (an array of strings or of numbers), the one that got furthest fits best.
  let furthest: Ranked | undefined
  for (const branch of issue.errors.filter((found) => !found.some((one) => isWrongKind(one, value)))) {
    const absolute = branch.map((one) => ({ ...one, path: [...issue.path, ...one.path] }))
    const found = earliest(absolute, document)
    if (found && (!furthest || isBefore(furthest, found))) furthest = found
  }
  return furthest ?? own
}

/** Whether a branch failed because the value has another JSON type. */
function isWrongKind(issue: Issue, value: unknown): boolean {
  if (issue.path.length > 0) return false
  return issue.code === 'invalid_type' || (issue.code === 'invalid_value' && typeof value !== 'string')
}

function rankOf(path: readonly PropertyKey[], { body, positions }: Document): number[] {
  let value = body
  return path.map((key) => {
    const within = value
    value = valueAt(within, [key])
    if (typeof key === 'number' || typeof within !== 'object' || within === null) return Number(key)
    const places = positions.get(within) ?? placesOf(within)
    positions.set(within, places)
    return places.get(String(key)) ?? -1
  })
}

function placesOf(container: object): Map<string, number> {
  const places = new Map<string, number>()
  for (const key of Object.keys(container)) places.set(key, places.size)
  return places
}

/** Strictly before, so that equal ones keep the order of the schema. */
function isBefore(a: Ranked, b: Ranked): boolean {
  for (let level = 0; level < a.rank.length; level += 1) {
    const difference = (a.rank[level] ?? 0) - (b.rank[level] ?? -Infinity)
    if (difference !== 0) return difference < 0
  }
  if (a.rank.length !== b.rank.length) return a.rank.length < b.rank.length
  return tightness(a.issue) < tightness(b.issue)
}

// A number beyond every integer exceeds two limits at once: the limit of the field is reported.
function tightness(issue: Issue): number {
  if (issue.code === 'too_big') return Number(issue.maximum)
  return issue.code === 'too_small' ? -Number(issue.minimum) : 0
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  let value = body
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}

function toError(issue: Issue, body: unknown, base: string): ApiError {
  const path = joinPath(base, issue.path)
  const value = valueAt(body, issue.path)
  if (issue.code === 'unrecognized_keys') return errors.unknownParameter(path)
  if (issue.code === 'custom') return errorOf(issue)(path)
  if (value === undefined) return errors.missingParameter(path)
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(path, issue.message || nounOf(issue.expected), value)
    case 'invalid_value':
      return wrongChoice(path, value, issue.values)
    case 'invalid_union':
      if (issue.discriminator !== undefined) return wrongChoice(path, value, optionsOf(issue))
      return wrongType(path, issue.message, value)
    case 'too_big':
    case 'too_small':
      return outOfRange(path, issue, value)
    default:
      throw new Error(`expected no schema of the server to raise ${issue.code}`)
  }
}

/** Custom checks have their own error. */
function errorOf(issue: z.core.$ZodIssueCustom): IssueError {
  const issueError: unknown = issue.params?.['issueError']
  if (typeof issueError !== 'function') throw new Error('expected a custom check to have its own error')
  return issueError as IssueError
}

function optionsOf(issue: Issue): readonly unknown[] {
  return 'options' in issue && Array.isArray(issue.options) ? issue.options : []
}

function wrongChoice(path: string, value: unknown, options: readonly unknown[]): ApiError {
  if (typeof value !== 'string') return wrongType(path, 'a string', value)
  return errors.invalidValue(path, value, options.map(String))
}

function wrongType(path: string, expected: string, value: unknown): ApiError {
  if (value === Infinity || value === -Infinity) return infiniteNumber(path, value)
  if (path === '') return errors.invalidBody(expected, nounFor(value))
  return errors.invalidType(path, expected, nounFor(value))
}

function outOfRange(
  path: string,
  issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall,
  value: unknown,
): ApiError {
  if (Array.isArray(value)) {
    if (issue.code === 'too_small') return errors.emptyArray(path)
    return errors.arrayTooLong(path, Number(issue.maximum), value.length)
  }
  const isInteger = issue.message === 'an integer'
  if (issue.code === 'too_big') {
    const tooBig = isInteger ? errors.integerTooBig : errors.decimalTooBig
    return tooBig(path, Number(issue.maximum), Number(value))
  }
  const tooSmall = isInteger ? errors.integerTooSmall : errors.decimalTooSmall
  return tooSmall(path, Number(issue.minimum), Number(value))
}

function nounOf(expected: string): string {
  const nouns: Record<string, string> = {
    string: 'a string',
    number: 'a decimal',
    int: 'an integer',
    boolean: 'a boolean',
    array: 'an array',
    object: 'an object',
    record: 'an object',
    null: 'null',
  }
  return nouns[expected] ?? expected
}

function nounFor(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal'
  return nounOf(typeof value)
}
