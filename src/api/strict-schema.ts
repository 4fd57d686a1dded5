/** The rules that a JSON Schema must obey to be used for a function, and the stricter rules of `strict: true`. */

type Schema = Record<string, unknown>

/** The position of a schema: the names from the root down, as a list that children share. */
interface Place {
  names: string[]
  parent: Place | undefined
}

/** The fault of a root schema: the schema of arguments must describe an object. */
export function rootFault(schema: Schema): string | undefined {
  const { type } = schema
  if (type === 'object') return undefined
  const printed =
    type === undefined || type === null ? 'None' : typeof type === 'string' ? type : JSON.stringify(type)
  return `schema must be a JSON Schema of 'type: "object"', got 'type: "${printed}"'.`
}

/** The first object, in the order of the document, that allows unknown keys or has an optional property. */
export function strictFault(schema: Schema, place?: Place): string | undefined {
  const fault = isObjectSchema(schema) ? objectFault(schema) : undefined
  if (fault !== undefined) return `In context=${pythonTuple(namesOf(place))}, ${fault}`
  for (const [names, child] of children(schema)) {
    const childFault = strictFault(child, { names, parent: place })
    if (childFault !== undefined) return childFault
  }
  return undefined
}

function objectFault(schema: Schema): string | undefined {
  if (schema['additionalProperties'] !== false) {
    return "'additionalProperties' is required to be supplied and to be false."
  }
  const required = new Set<unknown>(Array.isArray(schema['required']) ? schema['required'] : [])
  const missing = Object.keys(asSchema(schema['properties']) ?? {}).find((name) => !required.has(name))
  if (missing === undefined) return undefined
  return `'required' is required to be supplied and to be an array including every key in properties. Missing '${missing}'.`
}

function namesOf(place: Place | undefined): string[] {
  const places: string[][] = []
  for (let at = place; at; at = at.parent) places.push(at.names)
  return places.toReversed().flat()
}

function isObjectSchema({ type, properties }: Schema): boolean {
  return (
    type === 'object' ||
    (Array.isArray(type) && type.includes('object')) ||
    asSchema(properties) !== undefined
  )
}

function* children(schema: Schema): Iterable<[string[], Schema]> {
  for (const keyword of ['properties', '$defs', 'definitions']) {
    yield* members(keyword, asSchema(schema[keyword]))
  }
  for (const keyword of ['anyOf', 'oneOf', 'allOf', 'prefixItems']) {
    const branches = schema[keyword]
    if (Array.isArray(branches)) yield* members(keyword, Object.fromEntries(branches.entries()))
  }
  const items = asSchema(schema['items'])
  if (items) yield [['items'], items]
}

function* members(keyword: string, group: Schema | undefined): Iterable<[string[], Schema]> {
  for (const [name, value] of Object.entries(group ?? {})) {
    const child = asSchema(value)
    if (child) yield [[keyword, name], child]
  }
}

function asSchema(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined
}

/** `()`, `('a',)`, `('a', 'b')`. */
function pythonTuple(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`)
  return quoted.length === 1 ? `(${quoted[0]},)` : `(${quoted.join(', ')})`
}
