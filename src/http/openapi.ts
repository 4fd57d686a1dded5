/** The API's description of itself, made from the schemas that judge its requests. */
import { createRequire } from 'node:module'
import { requests } from '../api/components.ts'
import { idPrefix } from '../api/fields.ts'
import { needsBeta } from './auth.ts'
import { componentSchemas, fieldsOf, refTo, type JsonSchema } from './openapi-schemas.ts'
import { idKinds } from './path-objects.ts'
import type { Operation, Tag } from './route.ts'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

const tags: Record<Tag, string> = {
  Assistants: 'A model with instructions and tools',
  Threads: 'Conversations',
  Messages: 'What was said in a thread',
  Runs: 'An assistant at work on a thread',
  'Run steps': 'What a run did, one after another',
  Files: 'Contents for tools and models to read, and what tools wrote',
  Uploads: 'Files that arrive in parts',
  'Vector stores': 'Files that can be searched',
  Models: 'What is behind the server, and calls that are passed on to it',
  Server: 'The server itself',
}

const parameterWords: Record<string, string> = {
  limit: 'How many to list at most',
  order: 'Newest or oldest first',
  after: 'List what comes after the object with this id',
  before: 'List what comes before the object with this id',
  run_id: 'Only messages that this run made',
  purpose: 'Only files of this purpose',
  filter: 'Only files in this state',
  'include[]': 'What to show that is left out otherwise',
  'last-event-id': 'As `after`; the one that is told if both are',
}

/** The OpenAPI 3.1 document of `operations`. */
export function openApiDocument(operations: readonly Operation[]): JsonSchema {
  const paths: Record<string, JsonSchema> = {}
  for (const operation of operations) {
    const { path, method } = operation
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Spool',
      version,
      summary: 'A self-hosted server for the Assistants API, version 2',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { basic: [] }, { apiKey: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A key of the server' },
        basic: { type: 'http', scheme: 'basic', description: 'A key as password, with any name' },
        apiKey: { type: 'apiKey', in: 'header', name: 'api-key', description: 'A key by itself' },
      },
      parameters: { Beta: betaHeader, IdempotencyKey: idempotencyHeader },
      headers: { RequestId: { description: 'Names the request in logs', required: true, schema: text } },
      responses: {
        Error: {
          description: 'What was wrong',
          headers: answerHeaders,
          content: { 'application/json': { schema: refTo('Error') } },
        },
      },
    },
  }
}

const text = { type: 'string' }
const answerHeaders = { 'x-request-id': { $ref: '#/components/headers/RequestId' } }

const betaHeader = {
  name: 'OpenAI-Beta',
  in: 'header',
  required: true,
  description: 'Names the version of the API',
  schema: { type: 'string', const: 'assistants=v2', default: 'assistants=v2' },
}

const idempotencyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'A request with the key of an earlier one is given the same answer again, for a day',
  schema: { type: 'string', maxLength: 255 },
}

function describe(operation: Operation): JsonSchema {
  const { id, summary, description, tag, isExtension } = operation
  const words = [description, isExtension && 'Beyond the original API.'].filter(Boolean).join(' ')
  const body = bodyOf(operation)
  return {
    operationId: id,
    summary,
    ...(words !== '' && { description: words }),
    tags: [tag],
    ...(!operation.path.startsWith('/v1/') && { security: [] }),
    parameters: parametersOf(operation),
    ...(body && { requestBody: body }),
    responses: answersOf(operation),
  }
}

function parametersOf({ method, path, query, headers, body }: Operation): JsonSchema[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => pathParameter(name))
  const shared = []
  if (needsBeta(path)) shared.push({ $ref: '#/components/parameters/Beta' })
  if (method === 'POST' && body) shared.push({ $ref: '#/components/parameters/IdempotencyKey' })
  return [
    ...inPath,
    ...(query ? parametersIn('query', fieldsOf(query)) : []),
    ...(headers ? parametersIn('header', fieldsOf(headers)) : []),
    ...shared,
  ]
}

function pathParameter(name: string): JsonSchema {
  const kind = Object.hasOwn(idKinds, name) ? idKinds[name as keyof typeof idKinds] : undefined
  const schema = { type: 'string', ...(kind && { pattern: `^${idPrefix(kind)}` }) }
  return { name, in: 'path', required: true, schema }
}

function parametersIn(place: 'query' | 'header', fields: ReturnType<typeof fieldsOf>): JsonSchema[] {
  return Object.entries(fields.properties).map(([key, schema]) => {
    const name = schema['type'] === 'array' ? `${key}[]` : key
    const isNumber = name === 'after' && schema['type'] === 'integer'
    const description = isNumber ? 'Begin after the event with this number' : parameterWords[name]
    return {
      name,
      in: place,
      ...(fields.required.includes(key) && { required: true }),
      ...(description && { description }),
      schema,
    }
  })
}

function bodyOf({ body, form }: Operation): JsonSchema | undefined {
  if (body) {
    // No body at all is read as an empty object.
    const required = !requests[body].safeParse({}).success
    return { required, content: { 'application/json': { schema: refTo(body) } } }
  }
  if (!form) return undefined
  const { properties, required } = form.fields
    ? fieldsOf(requests[form.fields])
    : { properties: {}, required: [] }
  const file = { type: 'string', contentMediaType: 'application/octet-stream' }
  const schema = {
    type: 'object',
    properties: { [form.file]: file, ...properties },
    required: [form.file, ...required],
    additionalProperties: false,
  }
  // An object in a form is one field for each of its keys: `expires_after[seconds]`.
  const encoding = Object.entries(properties)
    .filter(([, { type }]) => type === 'object')
    .map(([name]) => [name, { style: 'deepObject', explode: true }])
  const content = { schema, ...(encoding.length > 0 && { encoding: Object.fromEntries(encoding) }) }
  return { required: true, content: { 'multipart/form-data': content } }
}

function answersOf({ answer, stream, media = [] }: Operation): JsonSchema {
  const content: Record<string, JsonSchema> = {}
  if (answer) content['application/json'] = { schema: refTo(answer) }
  if (stream) content['text/event-stream'] = { schema: refTo('StreamEvent') }
  for (const type of media) content[type] = {}
  const error = { $ref: '#/components/responses/Error' }
  if (Object.keys(content).length === 0) return { default: error }
  return { 200: { description: describeAnswer(stream), headers: answerHeaders, content }, default: error }
}

function describeAnswer(stream: Operation['stream']): string {
  if (!stream) return 'What was asked for'
  const events = 'server-sent events, each with its name as `event:` and its data as JSON in `data:`'
  return stream === 'always' ? `A stream of ${events}` : `The object, or with \`stream: true\` ${events}`
}
