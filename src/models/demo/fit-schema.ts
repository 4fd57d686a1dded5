/** Makes a JSON value that fits a JSON schema: what the demo model says where a form is asked for. */

type Schema = Record<string, unknown>

interface Making {
  root: Schema
  /** What strings without a form of their own say. */
  text: string
}

/** From here on down the smallest value that fits is taken, so that a schema that holds itself comes to an end. */
const deep = 5
const deepest = 40

/** Understands types, enum, const, $ref, anyOf, oneOf, allOf, required, bounds, formats and common patterns. */
export function fitSchema(schema: unknown, text: string): unknown {
  const root = isSchema(schema) ? schema : {}
  return make(root, { root, text }, 0)
}

function make(given: unknown, making: Making, depth: number): unknown {
  if (depth > deepest) return null
  if (!isSchema(given)) return making.text
  const schema = resolve(given, making)
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0]
  if (depth < deep) {
    if ('default' in schema) return schema.default
    if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0]
  }
  const options = [schema.anyOf, schema.oneOf].find((list) => Array.isArray(list) && list.length > 0)
  if (Array.isArray(options)) {
    const { anyOf: _any, oneOf: _one, ...rest } = schema
    const chosen = depth < deep ? options[0] : simplest(options, making)
    return make(merge(rest, resolve(isSchema(chosen) ? chosen : {}, making)), making, depth + 1)
  }
  switch (typeOf(schema, depth)) {
    case 'object':
      return makeObject(schema, making, depth)
    case 'array':
      return makeArray(schema, making, depth)
    case 'integer':
    case 'number':
      return makeNumber(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return makeString(schema, making.text)
  }
}

function typeOf(schema: Schema, depth: number): unknown {
  if (Array.isArray(schema.type)) {
    return depth >= deep && schema.type.includes('null') ? 'null' : schema.type[0]
  }
  if (schema.type !== undefined) return schema.type
  if (isSchema(schema.properties) || Array.isArray(schema.required)) return 'object'
  if (schema.items !== undefined || schema.prefixItems !== undefined) return 'array'
  return schema.minimum !== undefined || schema.maximum !== undefined ? 'number' : 'string'
}

function makeObject(schema: Schema, making: Making, depth: number): unknown {
  const properties = isSchema(schema.properties) ? schema.properties : {}
  const required: unknown[] = Array.isArray(schema.required) ? schema.required : []
  const optional = depth < deep ? Object.keys(properties) : []
  const names = [...new Set([...optional, ...required.map(String)])]
  // fromEntries defines own properties: a property called `__proto__` stays one.
  return Object.fromEntries(
    names.map((name) => {
      const property = Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties
      return [name, make(property ?? {}, making, depth + 1)]
    }),
  )
}

function makeArray(schema: Schema, making: Making, depth: number): unknown[] {
  const fixed: unknown[] = Array.isArray(schema.prefixItems) ? schema.prefixItems : []
  const least = asNumber(schema.minItems) ?? (depth < deep ? 1 : 0)
  const length = Math.min(Math.max(least, fixed.length), asNumber(schema.maxItems) ?? 1_000, 1_000)
  return Array.from({ length }, (_, index) => {
    const made = make(fixed[index] ?? schema.items ?? {}, making, depth + 1)
    return schema.uniqueItems === true && index > 0 ? differ(made, index) : made
  })
}

function differ(value: unknown, index: number): unknown {
  if (typeof value === 'string') return `${value} ${index + 1}`
  return typeof value === 'number' ? value + index : value
}

function makeNumber(schema: Schema): number {
  const step = asNumber(schema.multipleOf) ?? 1
  const low = bound(schema.minimum, schema.exclusiveMinimum, Math.max)
  const high = bound(schema.maximum, schema.exclusiveMaximum, Math.min)
  const isOpen = (value: number, edge: unknown) => value === edge
  if (low !== undefined) {
    const first = Math.ceil(low / step) * step
    const value = isOpen(first, schema.exclusiveMinimum) ? first + step : first
    const fits = high === undefined || value < high || (value === high && value !== schema.exclusiveMaximum)
    // Bounds closer than one step hold a fraction only.
    return fits ? value : low + ((high ?? low) - low) / 2
  }
  if (high === undefined || high >= step) return step
  const last = Math.floor(high / step) * step
  return isOpen(last, schema.exclusiveMaximum) ? last - step : last
}

function bound(closed: unknown, open: unknown, choose: (...values: number[]) => number): number | undefined {
  const values = [closed, open].map(asNumber).filter((value): value is number => value !== undefined)
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

/** Tried in turn against a pattern. */
const candidates = [
  ...Object.values(formats),
  'a',
  'A',
  '1',
  '12',
  '123',
  '1234',
  '12345',
  'abc',
  'ABC',
  'AB12',
]

function makeString(schema: Schema, text: string): string {
  const format =
    typeof schema.format === 'string' && Object.hasOwn(formats, schema.format)
      ? formats[schema.format]
      : undefined
  const wanted = format ?? fitPattern(schema.pattern, text)
  const least = asNumber(schema.minLength) ?? 0
  const most = asNumber(schema.maxLength) ?? Number.POSITIVE_INFINITY
  return wanted.padEnd(least, '.').slice(0, most)
}

function fitPattern(pattern: unknown, text: string): string {
  if (typeof pattern !== 'string') return text
  try {
    const expression = new RegExp(pattern, 'u')
    return [text, ...candidates].find((candidate) => expression.test(candidate)) ?? text
  } catch {
    return text
  }
}

/** Follows $ref inside the document and folds allOf together. */
function resolve(schema: Schema, making: Making): Schema {
  let found = schema
  for (let hops = 0; typeof found.$ref === 'string' && hops < deepest; hops += 1) {
    const { $ref, ...beside } = found
    found = merge(pointed(making.root, String($ref)), beside)
  }
  if (!Array.isArray(found.allOf)) return found
  const { allOf, ...rest } = found
  const parts = (allOf as unknown[]).filter(isSchema)
  return parts.reduce(
    (whole, part) => merge(whole, part.allOf === undefined ? resolve(part, making) : part),
    rest,
  )
}

function pointed(root: Schema, reference: string): Schema {
  if (!reference.startsWith('#')) return {}
  let found: unknown = root
  for (const step of reference.slice(1).split('/').filter(Boolean)) {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    found = isSchema(found) && Object.hasOwn(found, name) ? found[name] : undefined
  }
  return isSchema(found) ? found : {}
}

function merge(left: Schema, right: Schema): Schema {
  const both: Schema = { ...left, ...right }
  if (isSchema(left.properties) && isSchema(right.properties)) {
    both.properties = { ...left.properties, ...right.properties }
  }
  if (Array.isArray(left.required) && Array.isArray(right.required)) {
    both.required = [...left.required, ...right.required] as unknown[]
  }
  return both
}

function simplest(options: unknown[], making: Making): unknown {
  const weight = (option: unknown) => {
    const { type } = isSchema(option) ? resolve(option, making) : {}
    return type === 'null' ? 0 : type === 'object' || type === 'array' || type === undefined ? 2 : 1
  }
  return options.toSorted((left, right) => weight(left) - weight(right))[0]
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
