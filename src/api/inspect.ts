/** A look over a whole body before its shape is judged: what would hurt the server or could not be stored. */
import { type ApiError, errors } from './errors.ts'
import { joinPath } from './problem.ts'

const maxDepth = 512
const defaultMaxValues = 200_000

/** A value on its way through the walk, with the way back to the root for its path. */
interface Visit {
  value: object
  depth: number
  key: string | number | null
  parent: Visit | null
}

/**
 * Throws on a body that must not be looked at closely: too deep, too many values, a key named `__proto__`. Returns
 * the first blemish that is only told when the shape is right: text or numbers that cannot be stored as they are.
 * It keeps its own stack, so that no depth overflows the machine's.
 */
export function inspect(body: unknown, options: { path?: string; maxValues?: number }): ApiError | undefined {
  const maxValues = options.maxValues ?? defaultMaxValues
  if (typeof body !== 'object' || body === null) return undefined
  const open: Visit[] = [{ value: body, depth: 1, key: null, parent: null }]
  let count = 0
  let blemish: ApiError | undefined
  for (let visit = open.pop(); visit; visit = open.pop()) {
    if (visit.depth > maxDepth) throw errors.nestedTooDeep(maxDepth)
    const children: Visit[] = []
    for (const key of keysOf(visit.value)) {
      count += 1
      if (count > maxValues) throw errors.tooManyValues(maxValues)
      const here = { key, parent: visit }
      if (key === '__proto__') throw errors.unknownParameter(pathOf(here, options.path))
      const value = (visit.value as Record<string | number, unknown>)[key]
      if (typeof value === 'object' && value !== null) {
        children.push({ value, depth: visit.depth + 1, ...here })
      }
      blemish ??= blemishOf(key, value, () => pathOf(here, options.path))
    }
    // Pushed backwards, so that the walk follows the order of the document.
    for (let index = children.length - 1; index >= 0; index -= 1) open.push(children[index] as Visit)
  }
  return blemish
}

function keysOf(value: object): Iterable<string | number> {
  return Array.isArray(value) ? value.keys() : Object.keys(value)
}

function pathOf(place: { key: string | number | null; parent: Visit | null }, base = ''): string {
  const keys: (string | number)[] = []
  for (let at: typeof place | null = place; at; at = at.parent) if (at.key !== null) keys.unshift(at.key)
  return joinPath(base, keys)
}

function blemishOf(key: string | number, value: unknown, path: () => string): ApiError | undefined {
  if (typeof key === 'string') {
    const fault = textFault(key)
    if (fault) return errors.unstorableText(path(), fault)
  }
  if (typeof value === 'string') {
    const fault = textFault(value)
    return fault && errors.unstorableText(path(), fault)
  }
  // JSON reads 1e400 as infinity, and infinity prints as null: the number would change on its way.
  if (value === Infinity) return errors.decimalTooBig(path(), Number.MAX_VALUE, value)
  if (value === -Infinity) return errors.decimalTooSmall(path(), -Number.MAX_VALUE, value)
  return undefined
}

/** What PostgreSQL cannot hold, or UTF-8 cannot spell. */
export function textFault(value: string): 'a NUL character' | 'half of a surrogate pair' | undefined {
  if (value.includes('\0')) return 'a NUL character'
  return /\p{Surrogate}/u.test(value) ? 'half of a surrogate pair' : undefined
}
