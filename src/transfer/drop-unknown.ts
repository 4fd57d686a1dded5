/** Parses an object with a strict schema, and drops keys that the schema does not have. */
import type { z } from 'zod'
import { isObject } from '../util/is-object.ts'

/** Each round finds the unknown keys of one depth only. */
const maxRounds = 8

/** Returns the parsed object, or the first error as `path: message`. Calls `drop` for each removed key. */
export function dropUnknown<Schema extends z.ZodType>(
  schema: Schema,
  object: unknown,
  drop: (field: string) => void,
): { value: z.output<Schema> } | { fault: string } {
  let value = object
  for (let round = 0; ; round += 1) {
    const result = schema.safeParse(value)
    if (result.success) return { value: result.data }
    const unknown = result.error.issues.filter((issue) => issue.code === 'unrecognized_keys')
    if (unknown.length === 0 || round === maxRounds) return { fault: faultOf(result.error.issues[0]) }
    // The caller's object must not be changed.
    if (round === 0) value = structuredClone(value)
    for (const { path, keys } of unknown) remove(value, path, keys)
    for (const { path, keys } of unknown) {
      for (const key of keys) drop([...path.filter((one) => typeof one === 'string'), key].join('.'))
    }
  }
}

function remove(root: unknown, path: readonly PropertyKey[], keys: readonly string[]): void {
  let value = root
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  if (!isObject(value)) return
  for (const key of keys) delete value[key]
}

function faultOf(issue: z.core.$ZodIssue | undefined): string {
  if (!issue) return 'it is not valid'
  const path = issue.path.map((key) => (typeof key === 'number' ? '[]' : String(key))).join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}
