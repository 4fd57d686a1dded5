/** Turns unknown input into typed requests, or throws the first error with the text of the live service. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { type IdKind, idPrefix } from './fields.ts'
import { inspect, type InspectOptions, textFault } from './inspect.ts'
import { firstProblem } from './problem.ts'

/** A body with more values is checked only until the first problem in the order of the schema. */
const maxSizeToCompare = 5000

/**
 * Checks a request body. An absent body counts as `{}`. Throws an `ApiError` with status 400: the first problem in the
 * order of the document. `path` is the place of the input in the body, for example `thread`.
 */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  options: InspectOptions = {},
): z.output<Schema> {
  const holder = { body: input === undefined ? {} : input }
  let { body } = holder
  const { size, unstorable } = inspect(body, options)
  // A large body may have a million problems: zod then stops at the first one in the order of the schema.
  const context = { error: () => '', abortEarly: size > maxSizeToCompare }
  let result = schema.safeParse(body, context)
  if (!result.success && isRepaired(result.error.issues, holder)) {
    body = holder.body
    result = schema.safeParse(body, context)
  }
  if (!result.success) throw firstProblem(result.error.issues, body, options.path ?? '')
  if (unstorable) throw unstorable
  return result.data
}

/**
 * PHP encodes an empty map as `[]`: puts `{}` in the place of each empty array where an object is expected, except in
 * lists. Returns whether there was one.
 */
function isRepaired(issues: readonly z.core.$ZodIssue[], holder: { body: unknown }): boolean {
  let isAny = false
  for (const issue of issues) {
    const isObjectExpected =
      issue.code === 'invalid_type' && (issue.expected === 'object' || issue.expected === 'record')
    if (!isObjectExpected) continue
    const keys = ['body', ...issue.path]
    const last = keys.pop() ?? ''
    const parent = keys.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)[key], holder)
    if (typeof last === 'number' || !isEmptyArray((parent as Record<PropertyKey, unknown>)[last])) continue
    ;(parent as Record<PropertyKey, unknown>)[last] = {}
    isAny = true
  }
  return isAny
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

/**
 * Checks a query, whose values are all text. Integers and booleans are parsed, `include[]` and `include` are the same,
 * and unknown keys are ignored.
 */
export function parseQuery<Schema extends z.ZodObject>(schema: Schema, query: unknown): z.output<Schema> {
  const received = { ...(query as Record<string, unknown>) }
  const known: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(schema.shape)) {
    const raw = received[key] ?? received[`${key}[]`]
    // Clients send an empty cursor for the first page.
    if (raw === '' && (key === 'after' || key === 'before')) continue
    if (raw !== undefined) known[key] = readText(field, raw)
  }
  return parse(schema, known)
}

/** Checks the text fields of a multipart form; `expires_after[seconds]` is `seconds` inside `expires_after`. */
export function parseForm<Schema extends z.ZodObject>(
  schema: Schema,
  fields: Record<string, string>,
): z.output<Schema> {
  // Without a prototype, so that a field named `__proto__` is an ordinary field.
  const nested: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(fields)) {
    const [, outer, inner] = /^([^[\]]+)\[([^[\]]+)\]$/.exec(name) ?? []
    if (outer === undefined || inner === undefined) nested[name] = value
    else nested[outer] = { ...(nested[outer] as object | undefined), [inner]: value }
  }
  return parse(schema, readText(schema, nested))
}

/** Refuses an id in a path or query that has the wrong prefix; a valid id that does not exist is a 404. */
export function parseId(kind: IdKind, value: string, path = parameterOf(kind)): string {
  if (!value.startsWith(idPrefix(kind))) throw errors.invalidId(path, value, idPrefix(kind))
  // Such text cannot be stored, so no object has this id.
  if (textFault(value) !== undefined) throw errors.notFound(kind, value)
  return value
}

function parameterOf(kind: IdKind): string {
  return kind === 'file_batch' ? 'batch_id' : `${kind}_id`
}

/** Converts text to the type of the schema; text that cannot be converted is kept, and the schema refuses it. */
function readText(schema: z.core.$ZodType, raw: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return readText(schema.def.innerType, raw)
  }
  if (schema instanceof z.ZodArray && typeof raw === 'string') return [raw]
  if (schema instanceof z.ZodObject && typeof raw === 'object' && raw !== null) {
    const read = Object.entries(raw).map(([key, value]) => {
      const field: z.core.$ZodType | undefined = Object.hasOwn(schema.shape, key)
        ? schema.shape[key]
        : undefined
      return [key, field ? readText(field, value) : value]
    })
    return Object.fromEntries(read)
  }
  if (typeof raw !== 'string') return raw
  if (schema instanceof z.ZodNumber && /^-?\d+(\.\d+)?$/.test(raw)) return Number(raw)
  if (schema instanceof z.ZodBoolean && (raw === 'true' || raw === 'false')) return raw === 'true'
  return raw
}
