import { afterAll, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, type TestServer } from '../harness/server.ts'

const key = 'sk-for-this-test'
const headers = { authorization: `Bearer ${key}` }

let server: TestServer
let root: string
beforeAll(async () => {
  server = await testServer({
    config: {
      keys: new Map([[key, 'red']]),
      strictBeta: false,
      corsOrigins: ['https://app.example'],
    },
  })
  root = server.url.replace(/\/v1$/, '')
})
afterAll(() => server.close())

test('a browser gets a page with the version and links that work, under a strict policy', async () => {
  const answer = await fetch(root, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } })
  const page = await answer.text()
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(page).toMatch(/Version \d+\.\d+\.\d+/)
  expect(page).toContain('/v1/threads/runs')
  const policy = answer.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
  const links = [...page.matchAll(/href="(\/[^"]*)"/g)].map(([, link]) => link ?? '')
  expect(links).toEqual(['/openapi.json', '/healthz', '/readyz'])
  for (const link of links) expect([link, (await fetch(root + link)).status]).toEqual([link, 200])
})

test('other clients get JSON at the same address', async () => {
  const answer = await fetch(root, { headers: { accept: '*/*' } })
  expect(await answer.json()).toMatchObject({ name: 'Spool', api: '/v1', openapi: '/openapi.json' })
})

test('without a key, readiness names no path and no reason', async () => {
  const ready = async (more: Record<string, string>) =>
    JSON.stringify(await (await fetch(`${root}/readyz`, { headers: more })).json())
  expect(await ready({})).toContain('"ready":true')
  expect(await ready({ authorization: 'Bearer wrong' })).toBe(await ready({}))
  expect(await ready({})).not.toMatch(/why|\/|:\d/)
  expect(await ready(headers)).toContain('"why"')
})

test('a page of another origin is refused at its preflight, with the name of the setting', async () => {
  const preflight = (origin: string) =>
    fetch(`${server.url}/assistants`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET' },
    })
  const refused = await preflight('https://evil.example')
  expect(refused.status).toBe(403)
  expect(await refused.json()).toEqual(errors.originNotAllowed('https://evil.example').toBody())
  expect((await preflight('https://app.example')).status).toBe(204)
})

test('with an optional beta header, only version 1 is refused', async () => {
  const list = (beta: string | null) =>
    server.request('GET', '/assistants', undefined, { ...headers, 'openai-beta': beta })
  expect((await list(null)).status).toBe(200)
  expect((await list('assistants=v2')).status).toBe(200)
  const old = await list('assistants=v1')
  expect([old.status, old.body]).toEqual([400, errors.deprecatedBeta().toBody()])
})

/** The log line of the request with this id. */
async function lineOf(answer: { headers: Headers }) {
  const id = answer.headers.get('x-request-id')
  const find = () => server.logLines.find(({ fields }) => fields['request_id'] === id)
  await expect.poll(find).toBeDefined()
  return find()
}

test('each request is logged with its route, status, duration and project, and nothing that the client sent', async () => {
  const path = '/threads/thread_secret/messages?after=msg_secret'
  const line = await lineOf(await server.request('GET', path, undefined, headers))
  expect(line).toEqual({
    level: 'info',
    message: 'request',
    fields: {
      method: 'GET',
      route: '/v1/threads/:thread_id/messages',
      status: 404,
      duration_ms: expect.any(Number),
      request_id: expect.stringMatching(/^req_/),
      project: 'red',
    },
  })
  expect(JSON.stringify(server.logLines)).not.toMatch(/secret|sk-for/)
})

test('a request without a valid key and one to an unknown path are logged too', async () => {
  const refused = await server.request('GET', '/files', undefined, { authorization: 'Bearer wrong-secret' })
  expect((await lineOf(refused))?.fields).toMatchObject({ route: '/v1/files', status: 401 })
  const unknown = await server.request('GET', '/secret-address', undefined, headers)
  expect((await lineOf(unknown))?.fields).toMatchObject({ method: 'GET', status: 404 })
  const undecodable = await fetch(`${server.url}/files/%E0%A4%A`, { headers })
  expect((await lineOf(undecodable))?.fields).toMatchObject({ status: 404 })
  expect(JSON.stringify(server.logLines)).not.toContain('secret')
})

test('health endpoints are logged at debug', async () => {
  for (const path of ['/healthz', '/readyz']) {
    expect(await lineOf(await fetch(root + path))).toMatchObject({ level: 'debug', fields: { route: path } })
  }
})

test('a stream is logged at its end, and the line says when the client disconnected', async () => {
  let goOn = () => {}
  const hold = new Promise<void>((resolve) => {
    goOn = resolve
  })
  server.model.script([{ text: ['Hel', 'lo'] }, { text: ['Hel', 'lo'], hold }])
  const assistant = await server.request('POST', '/assistants', { model: 'gpt-4o' }, headers)
  const stream = (signal?: AbortSignal) =>
    fetch(`${server.url}/threads/runs`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({
        assistant_id: assistant.body.id,
        stream: true,
        thread: { messages: [{ role: 'user', content: 'Hi' }] },
      }),
      ...(signal && { signal }),
    })
  const whole = await stream()
  await whole.text()
  const line = await lineOf(whole)
  expect(line?.fields).toMatchObject({ route: '/v1/threads/runs', status: 200 })
  expect(line?.fields).not.toHaveProperty('aborted')

  const hangUp = new AbortController()
  const broken = await stream(hangUp.signal)
  expect(
    server.logLines.some(({ fields }) => fields['request_id'] === broken.headers.get('x-request-id')),
  ).toBe(false)
  hangUp.abort()
  expect((await lineOf(broken))?.fields).toMatchObject({ status: 200, aborted: true })
  goOn()
})

test('a failure of the server is one log line with the id of the request', async () => {
  await server.db.query({ text: 'alter table assistants rename to assistants_away' })
  const answer = await server.request('GET', '/assistants', undefined, headers)
  await server.db.query({ text: 'alter table assistants_away rename to assistants' })
  const id = answer.headers.get('x-request-id') ?? ''
  expect([answer.status, answer.body]).toEqual([500, errors.serverError(id).toBody()])
  expect(server.complaints.splice(0)).toMatchObject([
    { message: 'a request failed', fields: { request_id: id, method: 'GET', route: '/v1/assistants' } },
  ])
})
