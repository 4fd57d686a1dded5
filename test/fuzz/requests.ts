/** Requests to every route of the description: right ones, nearly right ones, and ones that mean harm. */
import fc from 'fast-check'
import { arbitraryOf, idOf, plainText } from './arbitrary-of.ts'
import { harm } from './harm.ts'

/** A request with placeholders in its path, headers and body. */
export interface Plan {
  kind: 'right' | 'nearly' | 'hostile'
  method: string
  path: string
  headers: Record<string, string>
  /** Text with placeholders, or bytes as they are. */
  body: string | Buffer | undefined
}

interface Route {
  method: string
  path: string
  operation: any
}

export function planOf(document: any): fc.Arbitrary<Plan> {
  const routes: Route[] = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
  const rightOf = routes.map((route) => rightPlan(route, document))
  // Runs are what most can go wrong with.
  const weight = ({ method, path }: Route) =>
    method === 'DELETE' ? 1 : path.includes('/runs') ? 8 : path.startsWith('/v1/') ? 4 : 1
  const right = fc.oneof(
    ...rightOf.map((arbitrary, index) => ({ weight: weight(routes[index]!), arbitrary })),
  )
  return fc.oneof(
    { weight: 9, arbitrary: right },
    { weight: 7, arbitrary: fc.tuple(right, change).map(([plan, apply]) => nearly(plan, apply)) },
    {
      weight: 6,
      arbitrary: fc.tuple(right, harm).map(([plan, apply]) => apply({ ...plan, kind: 'hostile' })),
    },
  )
}

const standard = { authorization: 'Bearer fuzz', 'openai-beta': 'assistants=v2' }

function rightPlan({ method, path, operation }: Route, document: any): fc.Arbitrary<Plan> {
  const query = queryOf(operation, document)
  const body = bodyOf(path, operation, document)
  return fc.tuple(pathOf(path), query, body).map(([filled, asked, content]) => ({
    kind: 'right' as const,
    method,
    path: filled + cursorsOf(filled, asked),
    headers: { ...standard, ...content?.headers },
    body: content?.body,
  }))
}

/** Ids of one path belong together; now and then they do not. */
function pathOf(path: string): fc.Arbitrary<string> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const innermost = names.at(-1)?.replace(/_id$/, '') ?? ''
  const listed = /\{\w+\}\/(message|run|step)s$/.exec(path)?.[1]
  const owner = path.endsWith('submit_tool_outputs') ? 'waiting' : (listed ?? innermost)
  const together = fc.nat({ max: 9999 }).map((number) =>
    path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      if (name === 'model') return ['gpt-4o', 'a/b:c', 'none'][number % 3] ?? ''
      const isOwn = listed === undefined && name.replace(/_id$/, '') === innermost
      return `@@${owner}.${isOwn ? 'id' : name}:${number}@@`
    }),
  )
  const apart = fc
    .tuple(...names.map((name) => idOf(name.replace(/_id$/, ''))))
    .map((ids) => names.reduce((text, name, index) => text.replace(`{${name}}`, String(ids[index])), path))
  return fc.oneof({ weight: 12, arbitrary: together }, apart)
}

/** A list goes on from something that is in it. */
function cursorsOf(path: string, query: string): string {
  const [, kind, number] = /@@(message|run|step)\.\w+_id:(\d+)@@\/\w+$/.exec(path) ?? []
  if (kind === undefined) return query
  return query.replaceAll(new RegExp(`@@${kind}\\.id:\\d+@@`, 'g'), `@@${kind}.id:${number}@@`)
}

function queryOf(operation: any, document: any): fc.Arbitrary<string> {
  const fields = operation.parameters.filter((one: any) => one.in === 'query')
  if (fields.length === 0) return fc.constant('')
  const values = fields.map((one: any) => [one.name, arbitraryOf(cursorOf(operation, one), document)])
  return fc.record(Object.fromEntries(values), { requiredKeys: [] }).map((query: Record<string, any>) => {
    const pairs = Object.entries(query).flatMap(([name, value]) =>
      [value].flat().map((one) => `${encodeURIComponent(name)}=${queryText(String(one))}`),
    )
    return pairs.length > 0 ? `?${pairs.join('&')}` : ''
  })
}

/** Placeholders are filled later, and must be found then. */
function queryText(text: string): string {
  return /^@@.*@@$/.test(text) ? text : encodeURIComponent(text)
}

function cursorOf(operation: any, { name, schema }: any): any {
  const isFile = operation.operationId === 'listFiles' && name === 'after'
  return isFile ? { type: 'string', pattern: '^file' } : schema
}

interface Content {
  headers: Record<string, string>
  body: string | Buffer
}

function bodyOf(path: string, operation: any, document: any): fc.Arbitrary<Content | undefined> {
  const content = operation.requestBody?.content
  if (!content) return fc.constant(undefined)
  if (content['multipart/form-data']) return formOf(content['multipart/form-data'].schema, document)
  const { schema } = content['application/json']
  const headers = { 'content-type': 'application/json' }
  const value = path.endsWith('submit_tool_outputs')
    ? fc.tuple(fc.nat({ max: 9999 }), fc.boolean()).map(([number, stream]) => ({
        tool_outputs: `@@waiting.outputs:${number}@@`,
        stream,
      }))
    : arbitraryOf(schema, document)
  return value.map((one) => ({ headers, body: JSON.stringify(one) }))
}

function formOf(schema: any, document: any): fc.Arbitrary<Content> {
  const { file: _, data: __, ...fields } = schema.properties
  const file = 'file' in schema.properties ? 'file' : 'data'
  const required = schema.required.filter((name: string) => name !== file)
  const shape = { type: 'object', properties: fields, required }
  const contents = fc.uint8Array({ minLength: 1, maxLength: 200 })
  const name = fc.constantFrom('a.txt', 'a.pdf', 'ü.md', '../x', 'b', 'a"b.csv')
  return fc.tuple(arbitraryOf(shape, document), name, contents).map(([values, filename, bytes]) => {
    const boundary = 'fuzz-boundary'
    const parts = Object.entries<any>(values).flatMap(([key, value]) =>
      typeof value === 'object'
        ? Object.entries(value).map(([inner, one]) => fieldPart(`${key}[${inner}]`, String(one)))
        : [fieldPart(key, String(value))],
    )
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${file}"; filename="${filename.replaceAll('"', '%22')}"\r\n\r\n`
    const text = parts.map((part) => `--${boundary}\r\n${part}`).join('')
    const body = Buffer.concat([Buffer.from(text + head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)])
    return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body }
  })
}

function fieldPart(name: string, value: string): string {
  return `content-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
}

type Change = (value: unknown, place: { key: string | number; within: any }) => void
type ApplyChange = { at: number; apply: Change }

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.constantFrom(null, true, -1, 0, 0.5, 2 ** 31, 1e21, '', 'x', [], {}, [[]], [null], { type: 'nope' }),
)

/** One field of a right body is changed. */
const change: fc.Arbitrary<ApplyChange> = fc.record({
  at: fc.nat({ max: 9999 }),
  apply: fc.oneof(
    anything.map(
      (other): Change =>
        (_, { key, within }) =>
          (within[key] = other),
    ),
    fc.constant<Change>((_, { key, within }) => {
      if (Array.isArray(within)) within.splice(Number(key), 1)
      else delete within[key]
    }),
    plainText.map((name): Change => (_, { within }) => {
      if (!Array.isArray(within)) within[name] = 1
    }),
    fc.constantFrom(257, 513, 1025, 70_000, 256_001).map((length): Change => (value, { key, within }) => {
      within[key] = typeof value === 'string' ? 'x'.repeat(length) : length * 1e6
    }),
    fc.constantFrom(2, 17, 21, 129, 600).map((count): Change => (value, { key, within }) => {
      within[key] = Array(count).fill(value)
    }),
    fc.constantFrom('asst_none', 'thread_none', 'file-none', 'vs_none', '__proto__').map(
      (id): Change =>
        (_, { key, within }) =>
          (within[key] = id),
    ),
  ),
})

function nearly(plan: Plan, { at, apply }: ApplyChange): Plan {
  if (typeof plan.body !== 'string') return { ...plan, kind: 'nearly', path: nearlyPath(plan.path, at) }
  const root = { body: JSON.parse(plan.body) }
  const places: { key: string | number; within: any }[] = []
  const walk = (within: any, key: string | number) => {
    places.push({ key, within })
    const value = within[key]
    if (typeof value === 'object' && value !== null) {
      for (const inner of Array.isArray(value) ? value.keys() : Object.keys(value)) walk(value, inner)
    }
  }
  walk(root, 'body')
  const place = places[at % places.length]
  if (place) apply(place.within[place.key], place)
  return { ...plan, kind: 'nearly', body: JSON.stringify(root.body) ?? '' }
}

/** Wrong ids in the path, wrong values in the query. */
function nearlyPath(path: string, at: number): string {
  const [bare = '', query] = path.split('?')
  const wrong = ['x', 'asst_none', 'file-none', '0', '', 'null', '%00', '-1', '101', 'desc '][at % 10] ?? ''
  if (query === undefined) return bare.replace(/@@[^@]+@@(?!.*@@)/, wrong)
  return `${bare}?${query.replace(/=[^&]*/, `=${encodeURIComponent(wrong)}`)}`
}
