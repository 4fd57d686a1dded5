import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openServer } from '../../src/http/open-server.ts'
import type { ServerOptions } from '../../src/http/server.ts'
import { testServer, type TestServer } from '../harness/server.ts'

let server: TestServer
let root: string
let document: any
beforeAll(async () => {
  server = await testServer()
  root = server.url.replace(/\/v1$/, '')
  document = await (await fetch(`${root}/openapi.json`)).json()
})
afterAll(async () => {
  await server.close()
})

/** `GET /v1/threads/{}` for every route that the server answers, from the tree that Fastify prints. */
async function routeTable(): Promise<string[]> {
  const http = await openServer({
    context: {},
    rules: { keys: new Map(), corsOrigins: [] },
    requestTimeoutMs: 60_000,
  } as unknown as ServerOptions)
  await http.ready()
  const above: string[] = []
  const found: string[] = []
  for (const line of http.printRoutes().split('\n')) {
    const [, indent = '', text = '', methods = ''] = /^([│├└─ ]*)(.+?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? []
    const depth = indent.length / 4
    above.splice(depth - 1, Infinity, text === '(empty root node)' ? '' : text)
    for (const method of methods.split(', ')) {
      if (method !== '' && method !== 'OPTIONS') found.push(`${method} ${above.join('')}`)
    }
  }
  await http.close()
  return found.map((route) => route.replaceAll(/:\w+|\*/g, '{}')).toSorted()
}

function operations(): { route: string; operation: any }[] {
  return Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  )
}

test('the description lists the routes that exist and no others', async () => {
  const listed = operations().map(({ route }) => route.replaceAll(/\{\w+\}/g, '{}'))
  const routes = await routeTable()
  expect(routes).toContain('GET /v1/threads/{}/runs/{}/events')
  expect(listed.toSorted()).toEqual(routes)
})

test('the description is a valid OpenAPI 3.1 document', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document))
  expect(errors ?? []).toEqual([])
  expect(valid).toBe(true)
  expect(validator.version).toBe('3.1')
})

test('every schema of the description compiles as JSON Schema', () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema(document, 'spool')
  for (const name of Object.keys(document.components.schemas)) {
    expect(ajv.compile({ $ref: `spool#/components/schemas/${name}` })).toBeTypeOf('function')
  }
})

test('every operation has a name of its own, one line of summary and its parameters', () => {
  const all = operations()
  expect(new Set(all.map(({ operation }) => operation.operationId)).size).toBe(all.length)
  for (const { route, operation } of all) {
    const named = (place: string) => operation.parameters.filter((one: any) => one.in === place)
    expect(operation.summary).toMatch(/^[A-Z][^\n.]{9,70}$/)
    expect([route, ...named('path').map((one: any) => `{${one.name}}`)]).toEqual([
      route,
      ...(route.match(/\{\w+\}/g) ?? []),
    ])
    const wordless = named('query').filter((one: any) => typeof one.description !== 'string')
    expect([route, wordless]).toEqual([route, []])
  }
})

test('an answer and an error match the description', async () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema(document, 'spool')
  const check = (name: string, body: unknown) => {
    const isRight = ajv.compile({ $ref: `spool#/components/schemas/${name}` })
    expect([isRight(body), isRight.errors]).toEqual([true, null])
  }
  check('Assistant', (await server.request('POST', '/assistants', { model: 'gpt-4o' })).body)
  check('AssistantList', (await server.request('GET', '/assistants')).body)
  check('Error', (await server.request('POST', '/assistants', {})).body)
  check('Error', (await server.request('GET', '/files/file-nope')).body)
})

test('the description lists the events of streams', async () => {
  server.model.script([{ text: ['Hel', 'lo'] }])
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  const events = await server.stream('/threads/runs', {
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  })
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema(document, 'spool')
  const isRight = ajv.compile({ $ref: 'spool#/components/schemas/StreamEvent' })
  for (const event of events) expect([event, isRight(event)]).toEqual([event, true])
  const answer = document.paths['/v1/threads/runs'].post.responses['200']
  expect(Object.keys(answer.content)).toEqual(['application/json', 'text/event-stream'])
})

test('the description shows a file upload as a form with its required fields only', () => {
  const form = document.paths['/v1/files'].post.requestBody.content['multipart/form-data'].schema
  expect(Object.keys(form.properties)).toEqual(['file', 'purpose', 'expires_after'])
  expect(form.required).toEqual(['file', 'purpose'])
  expect(document.paths['/v1/threads'].post.requestBody.required).toBe(false)
  expect(document.paths['/v1/assistants'].post.requestBody.required).toBe(true)
})
