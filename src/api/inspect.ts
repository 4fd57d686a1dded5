/** A look over a whole body before its shape is judged: what would hurt the server, or could not be stored. */
import { type ApiError, errors } from './errors.ts'

const maxDepth = 512
const defaultMaxValues = 200_000

export interface InspectOptions {
  /** Where the body stands, for the paths of errors. */
  path?: string
  /** How many values the body may hold in all. */
  maxValues?: number
}

export interface Inspection {
  /** How many values the body holds. */
  size: number
  /** Text or a number that cannot be stored as it is; told only when the shape is right. */
  blemish?: ApiError
}

/** A container on its way through the walk, with the way back to the root for its path. */
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
  blemish?: ApiError
}

/**
 * Throws on a body that must not be looked at more closely: nested too deep, too many values, or a key named
 * `__proto__`, which would vanish or poison where objects are copied. Keeps its own stack, so that no depth
 * overflows the machine's, and goes in the order of the document.
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
      ? lookOverArray(walk, visit, visit.value)
      : lookOverObject(walk, visit, visit.value)
    // Last in is first out: backwards in, so that they come out in the order of the document.
    for (let index = children.length - 1; index >= 0; index -= 1) walk.open.push(children[index] as Visit)
  }
  return { size: walk.size, ...(walk.blemish && { blemish: walk.blemish }) }
}

function lookOverArray(walk: Walk, visit: Visit, values: unknown[]): Visit[] {
  countValues(walk, values.length)
  const children: Visit[] = []
  for (let index = 0; index < values.length; index += 1) {
    lookAt(walk, visit, { key: index, value: values[index], children })
  }
  return children
}

function lookOverObject(walk: Walk, visit: Visit, value: object): Visit[] {
  const keys = Object.keys(value)
  countValues(walk, keys.length)
  const children: Visit[] = []
  for (const key of keys) {
    if (key === '__proto__') throw errors.unknownParameter(pathOf(walk, visit, key))
    const fault = walk.blemish ? undefined : textFault(key)
    if (fault) walk.blemish = errors.unstorableText(pathOf(walk, visit, key), fault)
    lookAt(walk, visit, { key, value: (value as Record<string, unknown>)[key], children })
  }
  return children
}

function countValues(walk: Walk, count: number): void {
  walk.size += count
  if (walk.size > walk.maxValues) throw errors.tooManyValues(walk.maxValues)
}

function lookAt(
  walk: Walk,
  visit: Visit,
  { key, value, children }: { key: string | number; value: unknown; children: Visit[] },
): void {
  if (typeof value === 'object' && value !== null) {
    children.push({ value, depth: visit.depth + 1, key, parent: visit })
  } else if (!walk.blemish && isBlemish(value)) {
    walk.blemish = blemishOf(value, pathOf(walk, visit, key))
  }
}

// JSON reads 1e400 as infinity, and infinity prints as null: the number would change on its way.
function isBlemish(value: unknown): value is string | number {
  if (typeof value === 'string') return textFault(value) !== undefined
  return typeof value === 'number' && !Number.isFinite(value)
}

function blemishOf(value: string | number, path: string): ApiError {
  if (typeof value === 'number') return infiniteNumber(path, value)
  return errors.unstorableText(path, textFault(value) ?? 'a NUL character')
}

export function infiniteNumber(path: string, value: number): ApiError {
  return value > 0
    ? errors.decimalTooBig(path, Number.MAX_VALUE, value)
    : errors.decimalTooSmall(path, -Number.MAX_VALUE, value)
}

/** What PostgreSQL cannot hold, or UTF-8 cannot spell. */
export function textFault(value: string): 'a NUL character' | 'half of a surrogate pair' | undefined {
  if (value.includes('\0')) return 'a NUL character'
  return /\p{Surrogate}/u.test(value) ? 'half of a surrogate pair' : undefined
}

/** `tools[0].function.name`. */
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
