import { maxHeaderSize, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { until } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { bodyLimitBytes: 100_000 } })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

/** A request that fetch would not send: other Host, no body but a type. */
function bare(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string | Buffer,
): Promise<{ status: number; headers: Record<string, string>; body: any }> {
  const url = new URL(server.url + path)
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: url.hostname, port: url.port, path: '/v1' + path, method, headers },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => (text += piece))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Record<string, string>,
            body: text === '' ? undefined : JSON.parse(text),
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

const signed = { authorization: 'Bearer test-key', 'openai-beta': 'assistants=v2' }

async function refused(
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string | null> } = {},
) {
  const { status, body } = await server.request(method, path, options.body, options.headers)
  return { status, body }
}

test('a request without a key, or with an empty one, is refused with 401', async () => {
  const forms: Record<string, string | null>[] = [
    { authorization: null },
    { authorization: 'Bearer ' },
    { authorization: `Basic ${Buffer.from('user:').toString('base64')}` },
    { authorization: null, 'api-key': '' },
    { authorization: 'Digest abc' },
  ]
  for (const headers of forms) {
    expect(await refused('GET', '/assistants', { headers })).toEqual(wireError(errors.noApiKey()))
  }
})

test('the key may come as Bearer, as the password of Basic, or in the header of Azure', async () => {
  const forms: Record<string, string | null>[] = [
    { authorization: 'bearer test-key' },
    { authorization: `Basic ${Buffer.from(':test-key').toString('base64')}` },
    { authorization: null, 'api-key': 'test-key' },
  ]
  for (const headers of forms) {
    expect((await server.request('GET', '/assistants', undefined, headers)).status).toBe(200)
  }
})

test('assistants and threads require the beta header, and other paths do not', async () => {
  const headers = { 'openai-beta': null }
  const missing = wireError(errors.missingBeta())
  const paths = ['/assistants', '/assistants/asst_x', '/threads/thread_x', '/threads/thread_x/messages']
  for (const path of paths) expect(await refused('GET', path, { headers })).toEqual(missing)
  expect(await refused('POST', '/threads', { headers })).toEqual(missing)
  expect(await refused('POST', '/threads/runs', { headers, body: {} })).toEqual(missing)
  expect((await server.request('GET', '/models', undefined, headers)).status).toBe(200)
})

test.each([
  ['v1', errors.invalidBetaHeader('v1')],
  ['assistants', errors.invalidBetaHeader('assistants')],
  ['vector_stores=v1', errors.unknownBeta('vector_stores')],
  ['assistants=v1', errors.deprecatedBeta()],
  ['responses=v1', errors.missingBeta()],
])('the beta header %s is refused with its own message', async (value, error) => {
  expect(await refused('GET', '/assistants', { headers: { 'openai-beta': value } })).toEqual(wireError(error))
})

test('the beta header may list several betas, in any spelling', async () => {
  for (const value of ['assistants=v2,responses=v1', 'responses=v1, assistants=v2']) {
    const answer = await server.request('GET', '/assistants', undefined, { 'OPENAI-BETA': value })
    expect(answer.status).toBe(200)
  }
})

test('an unknown path is answered 404 with its method and path, without the query', async () => {
  expect(await refused('POST', '/threadz?a=1', { body: {} })).toEqual(
    wireError(errors.invalidUrl('POST', '/v1/threadz')),
  )
  expect(await refused('GET', '/')).toEqual(wireError(errors.invalidUrl('GET', '/v1/')))
  expect(await refused('GET', '/threads/runs/run_x/steps/oops')).toEqual(
    wireError(errors.invalidUrl('GET', '/v1/threads/runs/run_x/steps/oops')),
  )
})

test('a known path with another method is answered 405', async () => {
  expect(await refused('PUT', '/assistants', { body: {} })).toEqual(
    wireError(errors.methodNotAllowed('PUT', '/v1/assistants')),
  )
  expect(await refused('PATCH', '/threads/thread_x', { body: {} })).toEqual(
    wireError(errors.methodNotAllowed('PATCH', '/v1/threads/thread_x')),
  )
  expect(await refused('DELETE', '/threads/thread_x/runs/run_x')).toEqual(
    wireError(errors.methodNotAllowed('DELETE', '/v1/threads/thread_x/runs/run_x')),
  )
})

test('a body that is not JSON is refused with the hint of the live service', async () => {
  for (const body of ['{"model": ', 'not json', '{"model": undefined}']) {
    expect(await refused('POST', '/assistants', { body })).toEqual(wireError(errors.invalidJson()))
  }
})

test.each([
  ['[1]', 'an array'],
  ['"text"', 'a string'],
  ['null', 'null'],
  ['7', 'an integer'],
])('a JSON body that is not an object (%s) is refused', async (body, got) => {
  expect(await refused('POST', '/assistants', { body })).toEqual(
    wireError(errors.invalidBody('an object', got)),
  )
})

test('another content type than JSON is refused by name', async () => {
  const headers = { 'content-type': 'text/plain' }
  expect(await refused('POST', '/assistants', { body: '{"model":"gpt-4o"}', headers })).toEqual(
    wireError(errors.unsupportedContentType('text/plain')),
  )
  const json = { 'content-type': 'application/json; charset=utf-8' }
  expect((await server.request('POST', '/assistants', '{"model":"gpt-4o"}', json)).status).toBe(200)
})

test('a JSON body without a content type is accepted', async () => {
  const body = JSON.stringify({ model: 'gpt-4o' })
  const answer = await bare('POST', '/assistants', { ...signed, 'content-length': String(body.length) }, body)
  expect(answer.status).toBe(200)
})

test('a body that is not UTF-8 is refused', async () => {
  const body = Buffer.concat([
    Buffer.from('{"model":"gpt-4o","name":"'),
    Buffer.from([0xff]),
    Buffer.from('"}'),
  ])
  const answer = await bare('POST', '/assistants', { ...signed, 'content-type': 'application/json' }, body)
  expect({ status: answer.status, body: answer.body }).toEqual(wireError(errors.invalidJson()))
})

test('a body over the limit is refused with 413, and the error names the limit', async () => {
  const body = JSON.stringify({ model: 'gpt-4o', instructions: 'a'.repeat(100_001) })
  expect(await refused('POST', '/assistants', { body })).toEqual(
    wireError(errors.bodyTooLarge(100_000, body.length)),
  )
})

test('no body, an empty one and {} are the same, with a content type and without', async () => {
  expect((await server.request('POST', '/threads')).status).toBe(200)
  expect((await server.request('POST', '/threads', {})).status).toBe(200)
  const typed = await bare('POST', '/threads', {
    ...signed,
    'content-type': 'application/json',
    'content-length': '0',
  })
  expect(typed.status).toBe(200)
  const plain = await bare('POST', '/threads', { ...signed, 'content-length': '0' })
  expect(plain.status).toBe(200)
})

test('DELETE takes a content type without a body, as some clients send it', async () => {
  const thread = await server.openai.beta.threads.create()
  const answer = await bare('DELETE', `/threads/${thread.id}`, {
    ...signed,
    'content-type': 'application/json',
  })
  expect(answer).toMatchObject({ status: 200, body: { deleted: true } })
})

test('a trailing slash changes nothing and redirects nowhere', async () => {
  const made = await server.request('POST', '/threads/', {})
  expect(made.status).toBe(200)
  expect((await server.request('GET', `/threads/${made.body.id}/`)).status).toBe(200)
  expect((await server.request('GET', '/assistants/?limit=1')).status).toBe(200)
})

test('every answer has its own request id, also errors and streams', async () => {
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'Answer.' })
  server.model.script([{ text: 'Hi' }])
  const stream = await fetch(`${server.url}/threads/runs`, {
    method: 'POST',
    headers: { ...signed, 'content-type': 'application/json' },
    body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
  })
  await stream.text()
  const all = [
    stream.headers,
    (await server.request('GET', '/models')).headers,
    (await server.request('GET', '/nowhere')).headers,
    (await server.request('GET', '/models', undefined, { authorization: null })).headers,
    (await server.request('POST', '/assistants', '{')).headers,
  ].map((headers) => headers.get('x-request-id'))
  for (const id of all) expect(id).toMatch(/^req_[0-9a-f]{32}$/)
  expect(new Set(all).size).toBe(all.length)
})

test('answers have the headers of the live service', async () => {
  const { headers } = await server.request('GET', '/assistants')
  expect(headers.get('openai-version')).toBe('2020-10-01')
  expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/)
  expect(headers.get('openai-organization')).toBe('spool')
  expect(headers.get('openai-project')).toBe('default')
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  const refusedHeaders = (await server.request('GET', '/assistants', undefined, { authorization: null }))
    .headers
  expect(refusedHeaders.get('openai-version')).toBe('2020-10-01')
  expect(refusedHeaders.get('openai-project')).toBeNull()
})

test('the header for the poll helpers of SDKs is a positive integer', async () => {
  server.model.script([{ text: 'Hi' }])
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'Answer.' })
  const created = await server.request('POST', '/threads/runs', { assistant_id: assistant.id })
  const path = `/threads/${created.body.thread_id}/runs/${created.body.id}`
  const fetched = await server.request('GET', path)
  for (const { headers } of [created, fetched]) {
    expect(headers.get('openai-poll-after-ms')).toMatch(/^[1-9]\d*$/)
  }
  expect(created.headers.get('spool-model')).toBe('scripted/gpt-4o')
  await server.openai.beta.threads.runs.poll(created.body.id, { thread_id: created.body.thread_id })
})

test('organisation, project and telemetry headers of the SDKs are accepted', async () => {
  const answer = await server.request('GET', '/assistants', undefined, {
    'openai-organization': 'org-abc',
    'openai-project': 'proj_abc',
    'x-stainless-lang': 'js',
    'x-stainless-retry-count': '0',
    'x-stainless-poll-helper': 'true',
    'x-client-request-id': 'mine',
  })
  expect(answer.status).toBe(200)
})

test('a page of an allowed origin can use the browser SDK, preflight included', async () => {
  const origin = 'http://localhost:5173'
  const asked =
    'authorization,content-type,openai-beta,openai-organization,openai-project,x-stainless-arch,' +
    'x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,' +
    'x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout,x-stainless-helper-method,' +
    'x-stainless-poll-helper,x-stainless-custom-poll-interval'
  const preflight = await fetch(`${server.url}/threads/runs`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': asked,
    },
  })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
  expect(preflight.headers.get('access-control-allow-methods')).toContain('DELETE')
  const allowed = preflight.headers.get('access-control-allow-headers')?.toLowerCase().split(/,\s*/) ?? []
  for (const name of asked.split(',')) expect(allowed).toContain(name)

  const answer = await server.request('GET', '/assistants', undefined, { origin })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
  expect(answer.headers.get('access-control-expose-headers')?.toLowerCase()).toContain('x-request-id')
  const failed = await server.request('GET', '/nowhere', undefined, { origin })
  expect(failed.headers.get('access-control-allow-origin')).toBe(origin)
})

test('a stream can be read by the page of an allowed origin', async () => {
  const origin = 'http://127.0.0.1:5173'
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'Answer.' })
  server.model.script([{ text: 'Hi' }])
  const response = await fetch(`${server.url}/threads/runs`, {
    method: 'POST',
    headers: { ...signed, origin, 'content-type': 'application/json' },
    body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
  })
  await response.text()
  expect(response.headers.get('access-control-allow-origin')).toBe(origin)
})

test('without keys, requests with a host name other than that of this machine are refused', async () => {
  for (const host of ['evil.example', 'evil.example:8080', '10.0.0.1', 'localhost.evil.example']) {
    const answer = await bare('GET', '/assistants', { ...signed, host })
    expect({ status: answer.status, body: answer.body }).toEqual(wireError(errors.hostNotAllowed(host)))
  }
  for (const host of ['localhost', 'localhost:1234', '127.0.0.1:80', '[::1]:8080']) {
    expect((await bare('GET', '/assistants', { ...signed, host })).status).toBe(200)
  }
})

test('an OPTIONS request that is not a preflight gets no error', async () => {
  const { status } = await bare('OPTIONS', '/assistants', {})
  expect(status).toBe(204)
})

test('without keys, pages of other origins are refused, preflight included', async () => {
  const origin = 'https://evil.example'
  const answer = await server.request('GET', '/assistants', undefined, { origin })
  expect({ status: answer.status, body: answer.body }).toEqual(wireError(errors.originNotAllowed(origin)))
  const preflight = await fetch(`${server.url}/assistants`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'GET' },
  })
  expect(preflight.status).toBe(403)
  expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
  expect(await preflight.json()).toEqual(errors.originNotAllowed(origin).toBody())
  expect(errors.originNotAllowed(origin).message).toContain('SPOOL_CORS_ORIGINS')
})

test('malformed ids are refused before an object is looked up', async () => {
  const refusals: [string, string, ReturnType<typeof errors.invalidId>][] = [
    ['GET', '/assistants/undefined', errors.invalidId('assistant_id', 'undefined', 'asst')],
    ['GET', '/threads/null', errors.invalidId('thread_id', 'null', 'thread')],
    ['GET', '/threads/thread_x/messages/abc', errors.invalidId('message_id', 'abc', 'msg')],
    ['GET', '/threads/thread_x/runs/abc', errors.invalidId('run_id', 'abc', 'run')],
    ['POST', '/threads/thread_x/runs/abc/cancel', errors.invalidId('run_id', 'abc', 'run')],
    ['GET', '/threads/thread_x/runs/run_x/steps/abc', errors.invalidId('step_id', 'abc', 'step')],
    ['GET', '/threads/abc/runs/run_x/steps', errors.invalidId('thread_id', 'abc', 'thread')],
  ]
  for (const [method, path, error] of refusals) expect(await refused(method, path)).toEqual(wireError(error))
})

test('unknown ids with a valid prefix are not found', async () => {
  const long = `asst_${'x'.repeat(1500)}`
  expect((await server.request('GET', `/assistants/${long}`)).status).toBe(404)
  expect(await refused('GET', '/threads/threadfoo')).toEqual(
    wireError(errors.notFound('thread', 'threadfoo')),
  )
  expect(await refused('GET', '/assistants/asst_%00')).toMatchObject({ status: 404 })
  expect(await refused('GET', '/threads/thread_%F0%9F%98%80')).toEqual(
    wireError(errors.notFound('thread', 'thread_😀')),
  )
})

test('a path that is too long or cannot be decoded is answered as unknown', async () => {
  for (const path of ['/threads/thread_%zz', `/threads/thread_${'x'.repeat(5000)}`]) {
    const answer = await server.request('GET', path)
    const error = errors.invalidUrl('GET', `/v1${path}`)
    expect({ status: answer.status, body: answer.body }).toEqual(wireError(error))
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
  }
})

test('health and readiness need no key', async () => {
  const root = server.url.replace('/v1', '')
  expect(await (await fetch(`${root}/healthz`)).json()).toEqual({ status: 'ok' })
  const ready = await fetch(`${root}/readyz`)
  expect(ready.status).toBe(200)
  expect(await ready.json()).toMatchObject({ ready: true, database: { status: 'up' } })
})

const unreadable = [
  [
    'bytes that are no request',
    'G@T / HTTP/1.1\r\n\r\n',
    errors.unreadableRequest('Invalid method encountered'),
  ],
  [
    'a space in the address',
    'GET /v1/as sistants HTTP/1.1\r\n\r\n',
    errors.unreadableRequest('Expected HTTP/, RTSP/ or ICE/'),
  ],
  [
    'endless headers',
    `GET /v1/models HTTP/1.1\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`,
    errors.headersTooLarge(maxHeaderSize),
  ],
  [
    'a request without a host',
    'GET /v1/models HTTP/1.1\r\nauthorization: Bearer x\r\nconnection: close\r\n\r\n',
    errors.unreadableRequest('the header Host is missing'),
  ],
] as const

test.each(unreadable)('%s gets an error object and a request id', async (_, bytes, error) => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.write(bytes)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${error.status} `))
  expect(head).toMatch(/\r\nx-request-id: req_[0-9a-f]{32}(\r\n|$)/)
  expect(JSON.parse(body)).toEqual(error.toBody())
})

test('a model may have any name, and the header with the name has only valid characters', async () => {
  const name = `modèle 模型 ${'x'.repeat(300)}`
  server.model.script([{ text: 'Hi' }, { text: 'Hi' }])
  const assistant = await server.openai.beta.assistants.create({ model: name })
  const body = { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }] } }
  const run = await server.request('POST', '/threads/runs', body)
  expect([run.status, run.body.model]).toEqual([200, name])
  expect(run.headers.get('spool-model')).toMatch(/^scripted\/mod%C3%A8le %E6%A8%A1%E5%9E%8B x{170,}$/)
  expect((await server.stream('/threads/runs', body)).at(-2)?.event).toBe('thread.run.completed')
  await until(
    () => server.request('GET', `/threads/${run.body.thread_id}/runs/${run.body.id}`),
    ({ status }) => status === 'completed',
  )
})

test.each(['//assistants', '/assistants//', '/threads//thread_x'])(
  'an address with doubled slashes (%s) is the same as without them',
  async (path) => {
    const plain = await server.request('GET', path.replaceAll('//', '/'))
    const doubled = await server.request('GET', path)
    expect({ status: doubled.status, body: doubled.body }).toEqual({ status: plain.status, body: plain.body })
  },
)

test('double slashes in a path do not avoid the beta header or the key', async () => {
  expect(await refused('GET', '//threads/thread_x', { headers: { 'openai-beta': null } })).toEqual(
    wireError(errors.missingBeta()),
  )
  expect(await refused('GET', '//files', { headers: { authorization: null } })).toMatchObject({ status: 401 })
})

test.each(['undefined', 'nothing_1', 'thread_none', '%00'])(
  'an object with the id %s is not found',
  async (id) => {
    const { status, body } = await refused('GET', `/objects/${id}`)
    expect([status, body.error.message]).toEqual([
      404,
      `No object found with id '${decodeURIComponent(id)}'.`,
    ])
  },
)

test('an empty cursor lists from the start', async () => {
  const thread = await server.openai.beta.threads.create({ messages: [{ role: 'user', content: 'Hi' }] })
  for (const path of ['/assistants', `/threads/${thread.id}/messages`, '/files', '/vector_stores']) {
    const all = await server.request('GET', path)
    const first = await server.request('GET', `${path}?after=&before=`)
    expect([path, first.status, first.body]).toEqual([path, 200, all.body])
  }
})

test('an empty array in place of an object, as PHP clients send it, is read as an empty object', async () => {
  const thread = await server.request('POST', '/threads', '[]')
  expect([thread.status, thread.body.metadata]).toEqual([200, {}])
  const nested = await server.request('POST', '/threads', '{"metadata":[],"tool_resources":[]}')
  expect([nested.status, nested.body.tool_resources]).toEqual([200, {}])
  const { id } = thread.body
  expect((await server.request('POST', `/threads/${id}`, '{"metadata":[]}')).status).toBe(200)
  expect((await server.request('POST', '/vector_stores', '[]')).status).toBe(200)
  expect(await refused('POST', '/assistants', { body: '[]' })).toEqual(
    wireError(errors.missingParameter('model')),
  )
  const tool = { type: 'function', function: { name: 'now', parameters: [] } }
  const assistant = { model: 'gpt-4o', instructions: 'Hi', tools: [tool], tool_resources: [] }
  const made = await server.request('POST', '/assistants', assistant)
  expect(made.body.error?.message ?? '').not.toContain('Invalid type')
  server.model.script([{ text: 'Hi' }])
  const plain = await server.request('POST', '/assistants', { model: 'gpt-4o', instructions: 'Hi' })
  const run = { assistant_id: plain.body.id, thread: [], metadata: [], stream: true }
  expect((await server.request('POST', '/threads/runs', run)).status).toBe(200)
})

test.each([
  ['POST', '/threads', { metadata: [1] }, errors.invalidType('metadata', 'an object', 'an array')],
  ['POST', '/threads', { messages: {} }, errors.invalidType('messages', 'an array', 'an object')],
  [
    'POST',
    '/assistants',
    { model: 'gpt-4o', tools: [[]] },
    errors.invalidType('tools[0]', 'an object', 'an array'),
  ],
])('%s %s with %j is still refused', async (method, path, body, error) => {
  expect(await refused(method, path, { body })).toEqual(wireError(error))
})

test('a run may name 20 tools, and inherit more', async () => {
  const tools = Array.from({ length: 21 }, (_, index) => ({
    type: 'function',
    function: { name: `f${index}` },
  }))
  const assistant = await server.request('POST', '/assistants', {
    model: 'gpt-4o',
    instructions: 'Hi',
    tools,
  })
  expect(assistant.status).toBe(200)
  const thread = await server.openai.beta.threads.create()
  const assistant_id = assistant.body.id
  const tooMany = wireError(errors.arrayTooLong('tools', 20, 21))
  for (const path of ['/threads/runs', `/threads/${thread.id}/runs`]) {
    expect(await refused('POST', path, { body: { assistant_id, tools } })).toEqual(tooMany)
    server.model.script([{ text: 'Hi' }, { text: 'Hi' }])
    const allowed = [
      { assistant_id, tools: tools.slice(1), stream: true },
      { assistant_id, stream: true },
    ]
    for (const body of allowed) expect((await server.request('POST', path, body)).status).toBe(200)
  }
})
