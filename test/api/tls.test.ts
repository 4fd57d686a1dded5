/** A server with SPOOL_TLS_CERT and SPOOL_TLS_KEY. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'

const files = {
  cert: join(import.meta.dirname, '../harness/tls/certificate.pem'),
  key: join(import.meta.dirname, '../harness/tls/key.pem'),
}

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { tls: files } })
})
afterAll(() => server.close())

/** The certificate is checked. */
async function post(path: string, body: object): Promise<{ status: number | undefined; body: string }> {
  const headers = {
    authorization: 'Bearer test-key',
    'openai-beta': 'assistants=v2',
    'content-type': 'application/json',
  }
  const sent = request(server.url + path, { method: 'POST', ca: readFileSync(files.cert), headers })
  sent.end(JSON.stringify(body))
  const [answer] = await once(sent, 'response')
  return { status: answer.statusCode, body: await text(answer) }
}

test('objects are made and a run streams over https', async () => {
  expect(server.url).toMatch(/^https:/)
  const { status, body } = await post('/assistants', { model: 'm' })
  expect(status).toBe(200)
  server.model.script([{ text: ['Hel', 'lo'] }])
  const run = await post('/threads/runs', {
    assistant_id: (JSON.parse(body) as { id: string }).id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
    stream: true,
  })
  expect(run.status).toBe(200)
  expect(run.body).toContain('event: thread.run.completed')
  expect(run.body).toMatch(/event: done\ndata: \[DONE\]\n\n$/)
})

/** What the server sends before it closes the connection. */
function send(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.end(bytes, 'latin1')
  return text(socket.on('error', () => undefined))
}

test.each([
  ['a request', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  [
    'a request with a body',
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n${'x'.repeat(99_999)}`,
  ],
  ['a request line without an end', 'GET /'],
])('%s in plain http is answered with 400 and the name of https', async (_, bytes) => {
  const answer = await send(bytes)
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  expect(answer).toContain('write https:// in the address')
})

test.each([
  ['a broken handshake', '\u0016\u0003\u0001\u0000\u0005hello'],
  ['nothing', ''],
])('%s has no answer, the connection ends, and the server continues', async (_, bytes) => {
  expect(await send(bytes)).not.toContain('HTTP')
  expect((await post('/threads', {})).status).toBe(200)
})
