/** JSON Schema keywords that can be left out of a request: restrictions of values, and annotations. */
import { asRecord } from './failure.ts'
import type { RequestBody } from './request.ts'

const optionalKeywords = new Set(
  `$schema $id $comment $anchor title default examples deprecated readOnly writeOnly format pattern minLength maxLength
   minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems contains minContains
   maxContains minProperties maxProperties patternProperties propertyNames additionalProperties additionalItems
   unevaluatedProperties unevaluatedItems dependentRequired dependentSchemas dependencies contentEncoding
   contentMediaType contentSchema nullable not if then else`.split(/\s+/),
)
/** Keywords whose values map names to schemas. The names may look like keywords. */
const mapsOfSchemas = new Set(['properties', '$defs', 'definitions', 'patternProperties', 'dependentSchemas'])
/** Keywords whose values are data and not schemas. */
const data = new Set(['const', 'enum', 'default', 'examples', 'required'])

/** The optional keywords in the schemas of the body, and `strict` when it is set. */
export function keywordsOf(body: RequestBody): Set<string> {
  const found = new Set<string>()
  changeSchemas(body, (schema) => {
    walk(schema, (keyword) => {
      if (optionalKeywords.has(keyword)) found.add(keyword)
      return true
    })
    return schema
  })
  if (JSON.stringify([body.tools, body.response_format]).includes('"strict":')) found.add('strict')
  return found
}

/** The body without one keyword in any of its schemas; `strict` stands beside a schema. */
export function withoutKeywords(body: RequestBody, keyword: string): RequestBody {
  if (!keywordsOf(body).has(keyword)) return body
  if (keyword !== 'strict') return changeSchemas(body, (schema) => walk(schema, (one) => one !== keyword))
  const withoutStrict = (holder: Record<string, unknown>) => {
    const { strict: _, ...rest } = holder
    return rest
  }
  return changeHolders(body, withoutStrict)
}

/** Changes the objects that have a schema: functions, and the `json_schema` of a response format. */
function changeHolders(
  body: RequestBody,
  change: (holder: Record<string, unknown>, key: 'parameters' | 'schema') => Record<string, unknown>,
): RequestBody {
  const tools = (body.tools as { function: Record<string, unknown> }[] | undefined)?.map((tool) => ({
    ...tool,
    function: change(tool.function, 'parameters'),
  }))
  const format = asRecord(body.response_format)
  const holder = asRecord(format?.json_schema)
  return {
    ...body,
    ...(tools && { tools }),
    ...(holder && { response_format: { ...format, json_schema: change(holder, 'schema') } }),
  }
}

function changeSchemas(body: RequestBody, change: (schema: unknown) => unknown): RequestBody {
  return changeHolders(body, (holder, key) =>
    key in holder ? { ...holder, [key]: change(holder[key]) } : holder,
  )
}

/** A copy of the schema with the keywords for which `keeps` returns true. */
function walk(schema: unknown, keeps: (keyword: string) => boolean): unknown {
  if (Array.isArray(schema)) return schema.map((one) => walk(one, keeps))
  const record = asRecord(schema)
  if (record === undefined) return schema
  const entries = Object.entries(record).filter(([keyword]) => keeps(keyword))
  return Object.fromEntries(
    entries.map(([keyword, value]) => {
      if (data.has(keyword)) return [keyword, value]
      const map = mapsOfSchemas.has(keyword) ? asRecord(value) : undefined
      if (map === undefined) return [keyword, walk(value, keeps)]
      return [keyword, Object.fromEntries(Object.entries(map).map(([name, one]) => [name, walk(one, keeps)]))]
    }),
  )
}
