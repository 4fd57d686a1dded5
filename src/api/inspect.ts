/** Checks a whole body before its schema: depth, number of values, and text that cannot be stored. */
import { type ApiError, errors } from './errors.ts'

export const maxDepth = 512
export const defaultMaxValues = 200_000

export interface InspectOptions {
  /** The path of the body, for the paths of errors. */
  path?: string
  /** The most values that the body may have in all. */
  maxValues?: number
}

export interface Inspection {
  /** The number of values in the body. */
  size: number
  /** The error of the first text or number that cannot be stored; reported only when the schema is satisfied. */
  unstorable?: ApiError
}

/** An object or array that is to be visited, with its parents for its path. */
interface Visit {
  value: object
  depth: number
  key: string | number
  parent: Visit | undefined
}

interface Walk {
  open: Visit[]
  size: number
  maxValues: number
  base: string
  unstorable?: ApiError
}

/**
 * Throws an `ApiError` for a body that is nested too deep, has too many values, or has a key named `__proto__`, which
 * is unsafe where objects are copied. Does not recurse, so that no depth overflows the stack, and visits the values in
 * the order of the document.
 */
export function inspect(body: unknown, options: InspectOptions = {}): Inspection {
  if (typeof body !== 'object' || body === null) return { size: 1 }
  const root: Visit = { value: body, depth: 1, key: '', parent: undefined }
  const walk: Walk = {
    open: [root],
    size: 1,
    maxValues: options.maxValues ?? defaultMaxValues,
    base: options.path ?? '',
  }
  for (let visit = walk.open.pop(); visit; visit = walk.open.pop()) {
    if (visit.depth > maxDepth) throw errors.nestedTooDeep(maxDepth)
    const children = Array.isArray(visit.value)
      ? visitArray(walk, visit, visit.value)
      : visitObject(walk, visit, visit.value)
    // The list is a stack: children are pushed backwards to be visited in the order of the document.
    for (let index = children.length - 1; index >= 0; index -= 1) walk.open.push(children[index] as Visit)
  }
  return { size: walk.size, ...(walk.unstorable && { unstorable: walk.unstorable }) }
}

function visitArray(walk: Walk, visit: Visit, values: unknown[]): Visit[] {
  countValues(walk, values.length)
  const children: Visit[] = []
  for (let index = 0; index < values.length; index += 1) {
    visitValue(walk, visit, { key: index, value: values[index], children })
  }
  return children
}

function visitObject(walk: Walk, visit: Visit, value: object): Visit[] {
  const keys = Object.keys(value)
  countValues(walk, keys.length)
  const children: Visit[] = []
  for (const key of keys) {
    if (key === '__proto__') throw errors.unknownParameter(pathOf(walk, visit, key))
    const fault = walk.unstorable ? undefined : textFault(key)
    if (fault) walk.unstorable = errors.unstorableText(pathOf(walk, visit, key), fault)
    visitValue(walk, visit, { key, value: (value as Record<string, unknown>)[key], children })
  }
  return children
}

function countValues(walk: Walk, count: number): void {
  walk.size += count
  if (walk.size > walk.maxValues) throw errors.tooManyValues(walk.maxValues)
}

function visitValue(
  walk: Walk,
  visit: Visit,
  { key, value, children }: { key: string | number; value: unknown; children: Visit[] },
): void {
  if (typeof value === 'object' && value !== null) {
    children.push({ value, depth: visit.depth + 1, key, parent: visit })
  } else if (!walk.unstorable && isUnstorable(value)) {
    walk.unstorable = unstorableError(value, pathOf(walk, visit, key))
  }
}

// JSON.parse reads 1e400 as infinity, and infinity is printed as null.
function isUnstorable(value: unknown): value is string | number {
  if (typeof value === 'string') return textFault(value) !== undefined
  return typeof value === 'number' && !Number.isFinite(value)
}

function unstorableError(value: string | number, path: string): ApiError {
  if (typeof value === 'number') return infiniteNumber(path, value)
  return errors.unstorableText(path, textFault(value) ?? 'a NUL character')
}

export function infiniteNumber(path: string, value: number): ApiError {
  return value > 0
    ? errors.decimalTooBig(path, Number.MAX_VALUE, value)
    : errors.decimalTooSmall(path, -Number.MAX_VALUE, value)
}

/** What PostgreSQL cannot store or UTF-8 cannot encode. */
export function textFault(value: string): 'a NUL character' | 'half of a surrogate pair' | undefined {
  if (value.includes('\0')) return 'a NUL character'
  return /\p{Surrogate}/u.test(value) ? 'half of a surrogate pair' : undefined
}

/** Builds a path such as `tools[0].function.name`. */
export function joinPath(base: string, keys: readonly PropertyKey[]): string {
  let path = base
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`
    else path += path === '' ? String(key) : `.${String(key)}`
  }
  return path
}

function pathOf({ base }: Walk, visit: Visit, key: string | number): string {
  const keys: (string | number)[] = [key]
  for (let at = visit; at.parent; at = at.parent) keys.push(at.key)
  return joinPath(base, keys.toReversed())
}
