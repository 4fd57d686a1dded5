/** Turns unknown input into typed requests, or into the first problem in the words of the live service. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { type IdKind, idPrefix } from './fields.ts'
import { inspect, type InspectOptions, textFault } from './inspect.ts'
import { firstProblem } from './problem.ts'

/** Up to this many values all problems of a body are found and the first in its own order is told. */
const maxSizeToCompare = 5000

/**
 * Checks a request body. No body at all counts as `{}`. Throws an `ApiError` with status 400: the first problem in
 * the order of the document. `path` says where the input stands in the body, e.g. `thread`.
 */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  options: InspectOptions = {},
): z.output<Schema> {
  const body = input === undefined ? {} : input
  const { size, blemish } = inspect(body, options)
  // A big body can be wrong in a million places: then zod's own short cut stops at the first in the schema's order.
  const context = { error: () => '', abortEarly: size > maxSizeToCompare }
  const result = schema.safeParse(body, context)
  if (!result.success) throw firstProblem(result.error.issues, body, options.path ?? '')
  if (blemish) throw blemish
  return result.data
}

/**
 * Checks a query, whose values are all text: integers and booleans are read from it, `include[]` and `include` are
 * one, and keys that the schema does not know are ignored.
 */
export function parseQuery<Schema extends z.ZodObject>(schema: Schema, query: unknown): z.output<Schema> {
  const given = { ...(query as Record<string, unknown>) }
  const known: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(schema.shape)) {
    const raw = given[key] ?? given[`${key}[]`]
    if (raw !== undefined) known[key] = readText(field, raw)
  }
  return parse(schema, known)
}

/** Checks the text fields of a multipart form; `expires_after[seconds]` is `seconds` inside `expires_after`. */
export function parseForm<Schema extends z.ZodObject>(
  schema: Schema,
  fields: Record<string, string>,
): z.output<Schema> {
  // Without a prototype, so that a field named `__proto__` is only a field.
  const nested: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(fields)) {
    const [, outer, inner] = /^([^[\]]+)\[([^[\]]+)\]$/.exec(name) ?? []
    if (outer === undefined || inner === undefined) nested[name] = value
    else nested[outer] = { ...(nested[outer] as object | undefined), [inner]: value }
  }
  return parse(schema, readText(schema, nested))
}

/** Refuses an id in a path or query that no object of its kind could have; what is right but unknown is a 404. */
export function parseId(kind: IdKind, value: string, path = parameterOf(kind)): string {
  if (!value.startsWith(idPrefix(kind))) throw errors.invalidId(path, value, idPrefix(kind))
  // No such text can be stored, so no object bears it.
  if (textFault(value) !== undefined) throw errors.notFound(kind, value)
  return value
}

function parameterOf(kind: IdKind): string {
  return kind === 'file_batch' ? 'batch_id' : `${kind}_id`
}

/** Text as the type that the schema asks for; what cannot be read stays text, for the schema to refuse. */
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
