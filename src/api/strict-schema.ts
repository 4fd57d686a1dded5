/** The rules that a JSON Schema must keep to be used for a function, and the harder ones of `strict: true`. */

type Schema = Record<string, unknown>

/** What is wrong at the root: a schema of arguments describes an object. */
export function rootFault(schema: Schema): string | undefined {
  const { type } = schema
  if (type === 'object') return undefined
  const printed =
    type === undefined || type === null ? 'None' : typeof type === 'string' ? type : JSON.stringify(type)
  return `schema must be a JSON Schema of 'type: "object"', got 'type: "${printed}"'.`
}

/** The first place where an object allows unknown keys or leaves one of its properties optional. */
export function strictFault(schema: Schema, context: readonly string[] = []): string | undefined {
  if (isObjectSchema(schema)) {
    const where = `In context=${pythonTuple(context)}`
    if (schema['additionalProperties'] !== false) {
      return `${where}, 'additionalProperties' is required to be supplied and to be false.`
    }
    const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : []
    const missing = Object.keys(asSchema(schema['properties']) ?? {}).find((name) => !required.includes(name))
    if (missing !== undefined) {
      return `${where}, 'required' is required to be supplied and to be an array including every key in properties. Missing '${missing}'.`
    }
  }
  for (const [path, child] of children(schema)) {
    const fault = strictFault(child, [...context, ...path])
    if (fault) return fault
  }
  return undefined
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
