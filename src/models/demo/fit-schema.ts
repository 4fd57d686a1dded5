/** Creates a JSON value that fits a JSON schema: the answer of the demo model to a request with a schema. */
import { isObject } from '../../util/is-object.ts'

type Schema = Record<string, unknown>

interface Fitting {
  root: Schema
  /** The value of strings that have no format. */
  text: string
  /** How many values, schema keywords and characters may still be processed. */
  budget: number
}

/** Below this depth the smallest valid value is used, so that the value of a recursive schema is finite. */
const deep = 5
const deepest = 40
/** Bounds the work for one value. A schema of a real program needs a few hundred. */
const budget = 100_000

/** The schema needs a value that is too large for the demo model. */
export class SchemaTooLarge extends Error {
  constructor() {
    super('The JSON schema asks for a value that is too large for the demo model.')
    this.name = 'SchemaTooLarge'
  }
}

/**
 * Obeys type, enum, const, $ref, anyOf, oneOf, allOf, properties, required, items, bounds, lengths and formats.
 * Ignores `pattern`, because a regular expression of a user may run forever. Throws `SchemaTooLarge`.
 */
export function fitSchema(schema: unknown, text: string): unknown {
  const root = isObject(schema) ? schema : {}
  return fit(root, { root, text, budget }, 0)
}

function fit(value: unknown, fitting: Fitting, depth: number): unknown {
  if (depth > deepest) return null
  const schema = resolve(isObject(value) ? value : {}, fitting)
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0]
  if (depth < deep && 'default' in schema) return schema.default
  const options = [schema.anyOf, schema.oneOf].find((list) => Array.isArray(list) && list.length > 0)
  if (Array.isArray(options)) {
    const { anyOf: _anyOf, oneOf: _oneOf, ...rest } = schema
    const option: unknown = depth < deep ? options[0] : simplest(options, fitting)
    return fit(merge([rest, isObject(option) ? option : {}], fitting), fitting, depth + 1)
  }
  switch (typeOf(schema, depth)) {
    case 'object':
      return fitObject(schema, fitting, depth)
    case 'array':
      return fitArray(schema, fitting, depth)
    case 'integer':
    case 'number':
      return fitNumber(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return fitString(schema, fitting)
  }
}

function typeOf(schema: Schema, depth: number): unknown {
  if (Array.isArray(schema.type)) {
    return depth >= deep && schema.type.includes('null') ? 'null' : schema.type[0]
  }
  if (schema.type !== undefined) return schema.type
  if (isObject(schema.properties) || Array.isArray(schema.required)) return 'object'
  if (schema.items !== undefined || schema.prefixItems !== undefined) return 'array'
  return schema.minimum !== undefined || schema.maximum !== undefined ? 'number' : 'string'
}

function fitObject(schema: Schema, fitting: Fitting, depth: number): unknown {
  const properties = isObject(schema.properties) ? schema.properties : {}
  const required: unknown[] = Array.isArray(schema.required) ? schema.required : []
  const optional = depth < deep ? Object.keys(properties) : []
  const names = new Set([...optional, ...required.map(String)])
  // fromEntries defines own properties: a property called `__proto__` stays one.
  return Object.fromEntries(
    Array.from(names, (name) => {
      spend(fitting, name.length)
      const property = Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties
      return [name, fit(property, fitting, depth + 1)]
    }),
  )
}

function fitArray(schema: Schema, fitting: Fitting, depth: number): unknown[] {
  const prefix: unknown[] = Array.isArray(schema.prefixItems) ? schema.prefixItems : []
  const least = asNumber(schema.minItems) ?? (depth < deep ? 1 : 0)
  const length = Math.min(Math.max(least, prefix.length), asNumber(schema.maxItems) ?? Infinity)
  const items: unknown[] = []
  for (let index = 0; index < length; index += 1) {
    const item = fit(prefix[index] ?? schema.items, fitting, depth + 1)
    items.push(schema.uniqueItems === true && index > 0 ? vary(item, index) : item)
  }
  return items
}

function vary(value: unknown, index: number): unknown {
  if (typeof value === 'string') return `${value} ${index + 1}`
  return typeof value === 'number' ? value + index : value
}

function fitNumber(schema: Schema): number {
  const step = asNumber(schema.multipleOf) ?? 1
  const low = bound(schema.minimum, schema.exclusiveMinimum, Math.max)
  const high = bound(schema.maximum, schema.exclusiveMaximum, Math.min)
  if (low !== undefined) {
    const first = Math.ceil(low / step) * step
    const value = first === schema.exclusiveMinimum ? first + step : first
    const fits = high === undefined || value < high || (value === high && value !== schema.exclusiveMaximum)
    // Bounds closer than one step hold a fraction only.
    return fits ? value : low + ((high ?? low) - low) / 2
  }
  if (high === undefined || high >= step) return step
  const last = Math.floor(high / step) * step
  return last === schema.exclusiveMaximum ? last - step : last
}

function bound(
  inclusive: unknown,
  exclusive: unknown,
  choose: (...values: number[]) => number,
): number | undefined {
  const values = [inclusive, exclusive].map(asNumber).filter((value) => value !== undefined)
  return values.length === 0 ? undefined : choose(...values)
}

const formats: Record<string, string> = {
  'date-time': '2024-01-01T00:00:00Z',
  date: '2024-01-01',
  time: '00:00:00Z',
  duration: 'P1D',
  email: 'demo@example.com',
  hostname: 'example.com',
  ipv4: '127.0.0.1',
  ipv6: '::1',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
}

function fitString(schema: Schema, fitting: Fitting): string {
  const { format } = schema
  const isKnown = typeof format === 'string' && Object.hasOwn(formats, format)
  const text = (isKnown ? formats[format] : undefined) ?? fitting.text
  const least = asNumber(schema.minLength) ?? 0
  spend(fitting, Math.max(text.length, least))
  return text.padEnd(least, '.').slice(0, asNumber(schema.maxLength))
}

/** Follows `$ref` inside the document and merges the parts of `allOf`. */
function resolve(schema: Schema, fitting: Fitting, hops = 0): Schema {
  const { $ref, allOf, ...rest } = schema
  if (hops > deepest || (typeof $ref !== 'string' && !Array.isArray(allOf))) return merge([schema], fitting)
  const parts = Array.isArray(allOf) ? allOf.filter(isObject) : []
  if (typeof $ref === 'string') parts.unshift(refer(fitting.root, $ref))
  return merge([...parts.map((part) => resolve(part, fitting, hops + 1)), rest], fitting)
}

function refer(root: Schema, reference: string): Schema {
  if (!reference.startsWith('#')) return {}
  let found: unknown = root
  for (const step of reference.slice(1).split('/').filter(Boolean)) {
    const name = decodePointer(step)
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined
  }
  return isObject(found) ? found : {}
}

function decodePointer(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return step
  }
}

/** Keywords of later schemas win; `properties` and `required` are joined. Costs one unit of the budget per keyword. */
function merge(schemas: Schema[], fitting: Fitting): Schema {
  const merged: Schema = {}
  const properties: [string, unknown][] = []
  const required: unknown[] = []
  for (const schema of schemas) {
    const members = isObject(schema.properties) ? Object.entries(schema.properties) : []
    const names: unknown[] = Array.isArray(schema.required) ? schema.required : []
    spend(fitting, 1 + Object.keys(schema).length + members.length + names.length)
    Object.assign(merged, schema)
    for (const member of members) properties.push(member)
    for (const name of names) required.push(name)
  }
  if (properties.length > 0) merged.properties = Object.fromEntries(properties)
  if (required.length > 0) merged.required = required
  return merged
}

/** Returns the first option of the simplest kind: null, then other plain values, then objects and arrays. */
function simplest(options: unknown[], fitting: Fitting): unknown {
  const weights = options.map((option) => {
    const { type } = isObject(option) ? resolve(option, fitting) : {}
    return type === 'null' ? 0 : type === 'object' || type === 'array' || type === undefined ? 2 : 1
  })
  return options[weights.indexOf(weights.includes(0) ? 0 : weights.includes(1) ? 1 : 2)]
}

function spend(fitting: Fitting, cost: number): void {
  fitting.budget -= cost
  if (fitting.budget < 0) throw new SchemaTooLarge()
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
