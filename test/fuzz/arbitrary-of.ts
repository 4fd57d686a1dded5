/** Values that a JSON Schema of the API's description calls right. */
import fc from 'fast-check'

type Schema = any

/** Ids in requests are `@@kind.field:number@@` until they are sent; world.ts replaces them by real ones. */
export const idOf = (kind: string, field = 'id'): fc.Arbitrary<string> =>
  fc.nat({ max: 9999 }).map((number) => `@@${kind}.${field}:${number}@@`)

/** Values for a pattern of the description. */
const idPatterns: Record<string, string> = {
  '^asst': 'assistant',
  '^thread': 'thread',
  '^msg': 'message',
  '^run': 'run',
  '^step': 'step',
  '^file': 'file',
  '^vs': 'store',
  '^vsfb': 'batch',
}

/** Texts that the model of the tests, or a rule of the server, takes as an order. */
const meaningful = [
  'call',
  'refuse',
  'fail',
  'cut',
  'gpt-4o',
  'o3-mini',
  'get_weather',
  'application/pdf',
  'a.pdf',
]

export const plainText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...meaningful),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 24 }),
)

/** `document` resolves the references. */
export function arbitraryOf(schema: Schema, document: any, depth = 0): fc.Arbitrary<any> {
  const inner = (one: Schema) => arbitraryOf(one, document, depth + 1)
  if (schema.$ref) {
    const place = schema.$ref.slice(2).split('/')
    return inner(place.reduce((found: any, key: string) => found[key], document))
  }
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) {
    // Filters may contain filters: at depth only the first branch, which ends.
    return depth > 8 ? inner(branches[0]) : fc.oneof(...branches.map(inner))
  }
  if (Array.isArray(schema.type)) {
    return fc.oneof(...schema.type.map((type: string) => inner({ ...schema, type })))
  }
  switch (schema.type) {
    case 'string':
      return textOf(schema)
    case 'integer':
      return fc.integer(rangeOf(schema))
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true, ...rangeOf(schema) })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(inner(schema.items), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, Math.max(3, schema.minItems ?? 0)),
      })
    case 'object':
      return objectOf(schema, inner)
    case undefined:
      return fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes('__proto__'))
    default:
      throw new Error(`expected a type that the description uses, found ${JSON.stringify(schema)}`)
  }
}

function textOf({ pattern, minLength = 0, maxLength, format }: Schema): fc.Arbitrary<string> {
  if (format === 'uri') return fc.constantFrom('https://example.com/a.png', 'data:image/png;base64,aGk=')
  const kind = idPatterns[pattern]
  if (kind) return idOf(kind)
  if (pattern) return fc.stringMatching(new RegExp(pattern), { maxLength: maxLength ?? 20 })
  const short = plainText.filter((text) => maxLength === undefined || text.length <= maxLength)
  return minLength > 0 ? short : fc.oneof({ weight: 6, arbitrary: short }, fc.constant(''))
}

function rangeOf({ minimum, maximum }: Schema): { min?: number; max?: number } {
  return { ...(minimum !== undefined && { min: minimum }), ...(maximum !== undefined && { max: maximum }) }
}

function objectOf(schema: Schema, inner: (one: Schema) => fc.Arbitrary<any>): fc.Arbitrary<any> {
  const { properties, required = [], additionalProperties, maxProperties = 4 } = schema
  if (properties) {
    const recordOf = (names: string[], needed: string[]) => {
      const fields = names.map((name) => [name, fieldOf(name, properties[name], inner)])
      const shape: Record<string, fc.Arbitrary<any>> = Object.fromEntries(fields)
      return fc.record(shape, { noNullPrototype: true, requiredKeys: needed })
    }
    const names = Object.keys(properties)
    const wanted = names.filter((name) => required.includes(name) || gists.includes(name))
    const optional = names.filter((name) => !wanted.includes(name))
    // With every field, one of them always names an object that does not exist, and nothing would be created.
    const few = fc
      .subarray(optional, { maxLength: Math.min(2, optional.length) })
      .chain((more) => recordOf([...wanted, ...more], [...wanted, ...more]))
    const many = recordOf(names, required)
    return fc.oneof({ weight: 3, arbitrary: few }, many)
  }
  const keys = fc.stringMatching(/^[a-z_]{1,8}$/).filter((key) => key !== '__proto__')
  const values = inner(additionalProperties || {})
  return fc.dictionary(keys, values, { maxKeys: Math.min(4, maxProperties), noNullPrototype: true })
}

/** Fields without which a run cannot be created. */
const gists = ['thread', 'messages']

/** In the description the parameters of a function are any object; for the server they are a schema with its own rules. */
function fieldOf(name: string, schema: Schema, inner: (one: Schema) => fc.Arbitrary<any>): fc.Arbitrary<any> {
  if (name !== 'parameters') return inner(schema)
  return fc.oneof(fc.constant({ type: 'object', properties: { a: { type: 'string' } } }), inner(schema))
}
