/** The OpenAPI document, derived from the declarations of the operations. */
import { requests } from '../api/components.ts'
import { idPrefix } from '../api/fields.ts'
import { needsBeta } from './auth.ts'
import { componentSchemas, fieldsOf, refTo, type JsonSchema } from './openapi-schemas.ts'
import { idKinds } from './register-routes.ts'
import type { Operation } from './route.ts'
import { version } from '../util/version.ts'

/** The groups of operations, each with the paths that belong to it; the last one has all others. */
const tags: { name: string; description: string; paths: RegExp }[] = [
  { name: 'Assistants', description: 'A model with instructions and tools', paths: /^\/v1\/assistants/ },
  { name: 'Threads', description: 'Conversations', paths: /^\/v1\/threads(\/{thread_id}(\/fork)?)?$/ },
  { name: 'Messages', description: 'Messages of a thread', paths: /\/messages/ },
  { name: 'Runs', description: 'Executions of an assistant on a thread', paths: /\/runs(?!.*\/steps)/ },
  { name: 'Run steps', description: 'The steps that a run consists of', paths: /\/steps/ },
  {
    name: 'Files',
    description: 'Files that tools and models read, and files that tools wrote',
    paths: /^\/v1\/files/,
  },
  { name: 'Uploads', description: 'Files that are uploaded in parts', paths: /^\/v1\/uploads/ },
  { name: 'Vector stores', description: 'Files that can be searched', paths: /^\/v1\/vector_stores/ },
  {
    name: 'Models',
    description: 'The available models, and calls that are passed to their provider',
    paths: /^\/v1\/(models|chat|embeddings)/,
  },
  { name: 'Server', description: 'The server itself', paths: /^/ },
]

const parameterDescriptions: Record<string, string> = {
  dry_run: 'Report what would be imported, and write nothing',
  stream: 'Answer the progress as events, and the report as the last of them',
  limit: 'The most objects to list',
  order: 'By creation time: `asc` is oldest first, `desc` newest first',
  after: 'List the objects after the one with this id',
  before: 'List the objects before the one with this id',
  run_id: 'Only messages that this run created',
  purpose: 'Only files with this purpose',
  filter: 'Only files with this status',
  query: 'Only objects whose name, text or metadata contain this, or with this id',
  status: 'Only runs with this status',
  assistant_id: 'Only runs of this assistant',
  model: 'Only runs for which this model was requested',
  error_code: 'Only runs with an error of this code',
  'include[]': 'Fields that are left out otherwise',
  'last-event-id': 'The same as `after`; takes precedence',
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
    tags: tags.map(({ name, description }) => ({ name, description })),
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A key of the server' },
        basic: { type: 'http', scheme: 'basic', description: 'A key as the password, with any user name' },
        apiKey: { type: 'apiKey', in: 'header', name: 'api-key', description: 'A key' },
      },
      parameters: { Beta: betaHeader, IdempotencyKey: idempotencyHeader },
      headers: {
        RequestId: { description: 'The id of the request in the log', required: true, schema: text },
      },
      responses: {
        Error: {
          description: 'The error',
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
  description: 'The version of the API',
  schema: { type: 'string', const: 'assistants=v2', default: 'assistants=v2' },
}

const idempotencyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'For a day, a request with the same key gets the same answer',
  schema: { type: 'string', maxLength: 255 },
}

function describe(operation: Operation): JsonSchema {
  const { id, path, summary, isExtension } = operation
  const description = [operation.description, isExtension && 'Not part of the original API.']
  const body = bodyOf(operation)
  return {
    operationId: id,
    summary,
    ...(description.some(Boolean) && { description: description.filter(Boolean).join(' ') }),
    tags: [tags.find(({ paths }) => paths.test(path))?.name],
    ...(!path.startsWith('/v1/') && { security: [] }),
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
    const description = isNumber ? 'Start after the event with this number' : parameterDescriptions[name]
    return {
      name,
      in: place,
      ...(fields.required.includes(key) && { required: true }),
      ...(description && { description }),
      schema,
    }
  })
}

function bodyOf(operation: Operation): JsonSchema | undefined {
  const { body, form, example } = operation
  if (form) return formOf(operation, form)
  if (!body) return undefined
  // An absent body is read as an empty object.
  const required = !requests[body].safeParse({}).success
  return { required, content: { 'application/json': { schema: refTo(body), example } } }
}

function formOf({ example }: Operation, form: NonNullable<Operation['form']>): JsonSchema {
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
  const content = {
    schema,
    example: { [form.file]: 'Hello!', ...example },
    ...(encoding.length > 0 && { encoding: Object.fromEntries(encoding) }),
  }
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
  if (!stream) return 'Success'
  const events = 'server-sent events, each with its name as `event:` and its data as JSON in `data:`'
  return stream === 'always' ? `A stream of ${events}` : `The object, or with \`stream: true\` ${events}`
}
