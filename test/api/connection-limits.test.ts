import Fastify from 'fastify'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { limitArrival } from '../../src/http/limits.ts'
import { sleep } from '../../src/util/abort.ts'
import { testServer, type TestServer } from '../harness/server.ts'

/** Long enough that a busy machine sends and receives something in each period. */
const periodMs = 1000

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { requestTimeoutMs: periodMs, maxConnections: 20 } })
})
afterAll(() => server.close())

async function open(): Promise<Socket> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  // The server may close while this side still writes.
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

function head(path: string, headers: Record<string, string | number>): string {
  const all = { host: 'localhost', authorization: 'Bearer x', 'openai-beta': 'assistants=v2', ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST /v1${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** Sends one byte after the other until the server closes the connection; returns its answer. */
async function trickle(bytes: string): Promise<string> {
  const socket = await open()
  const answer = text(socket)
  for (const byte of bytes) {
    if (socket.destroyed || socket.writableEnded) break
    socket.write(byte)
    await sleep(periodMs / 20)
  }
  return answer
}

const json = { 'content-type': 'application/json' }

test.each([
  ['a JSON body', head('/threads', { ...json, 'content-length': 1000 }) + '{"metadata":{"a":"'],
  ['a body in chunks', `${head('/threads', { ...json, 'transfer-encoding': 'chunked' })}3e8\r\n{`],
  [
    'a form',
    `${head('/files', { 'content-type': 'multipart/form-data; boundary=b', 'content-length': 9000 })}--b\r\ncontent-`,
  ],
])('%s that arrives byte by byte is cut with 408 in the envelope', async (_, start) => {
  const socket = await open()
  const answer = text(socket)
  socket.write(start)
  const timer = setInterval(() => socket.write(' '), periodMs / 20)
  const received = await answer
  clearInterval(timer)
  expect(received).toMatch(/^HTTP\/1\.1 408 /)
  expect(received).toMatch(/x-request-id: req_/)
  expect(JSON.parse(received.slice(received.indexOf('\r\n\r\n') + 4))).toMatchObject(
    errors.requestTimedOut().toBody(),
  )
})

test('headers that arrive byte by byte are cut with 408', async () => {
  const received = await trickle(head('/threads', { padding: 'x'.repeat(100_000) }))
  expect(received).toMatch(/^HTTP\/1\.1 408 /)
})

test('a body that still arrives after its early answer is cut too', async () => {
  const socket = await open()
  const closed = once(socket, 'close')
  socket.resume()
  socket.write(head('/nowhere', { ...json, 'content-length': 1000 }) + '{')
  const timer = setInterval(() => socket.write(' '), periodMs / 20)
  await closed
  clearInterval(timer)
  expect(socket.destroyed).toBe(true)
})

test('an upload that takes many timeout periods is stored', async () => {
  const piece = 'x'.repeat(70_000)
  const pieces = 18
  const start = '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--b\r\n'
  const file = 'content-disposition: form-data; name="file"; filename="slow.txt"\r\n\r\n'
  const end = '\r\n--b--\r\n'
  const length = start.length + file.length + piece.length * pieces + end.length
  const socket = await open()
  const answer = text(socket)
  const form = { 'content-type': 'multipart/form-data; boundary=b', connection: 'close' }
  socket.write(head('/files', { ...form, 'content-length': length }) + start + file)
  for (let sent = 0; sent < pieces; sent += 1) {
    socket.write(piece)
    await sleep(periodMs * 0.2)
  }
  socket.write(end)
  const received = await answer
  expect(received).toMatch(/^HTTP\/1\.1 200 /)
  expect(received).toContain(`"bytes":${piece.length * pieces}`)
})

test('a stream that lasts many timeout periods is not cut, whatever Content-Length its request had', async () => {
  let goOn = () => {}
  const hold = new Promise<void>((resolve) => {
    goOn = resolve
  })
  server.model.script([{ text: ['Hel', 'lo'], hold }])
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  const run = await server.openai.beta.threads.createAndRun({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  })
  const socket = await open()
  const answer = text(socket)
  const path = `/v1/threads/${run.thread_id}/runs/${run.id}/events`
  socket.write(head('', { 'content-length': 0, connection: 'close' }).replace('POST /v1', `GET ${path}`))
  await sleep(periodMs * 3)
  goOn()
  expect(await answer).toContain('data: [DONE]')
})

test('more connections than the limit are closed unread, and the log says which setting it is', async () => {
  const sockets = await Promise.all(Array.from({ length: 30 }, () => open()))
  const isClosed = (socket: Socket) => socket.destroyed
  for (const socket of sockets) socket.resume()
  await expect.poll(() => sockets.filter(isClosed).length).toBeGreaterThanOrEqual(10)
  const lines = server.complaints.splice(0)
  expect(lines[0]?.message).toContain('SPOOL_MAX_CONNECTIONS')
  for (const socket of sockets) socket.destroy()
  await expect
    .poll(() =>
      server.request('GET', '/assistants').then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200)
})

test('an upload whose bytes wait for the server is not cut', async () => {
  const http = Fastify()
  limitArrival(http, periodMs)
  http.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  http.post('/', async ({ body }) => {
    await sleep(periodMs * 2.5)
    return { bytes: (await text(body as Readable)).length }
  })
  const url = await http.listen({ port: 0, host: '127.0.0.1' })
  const headers = { 'content-type': 'multipart/form-data; boundary=b' }
  const answer = await fetch(url, { method: 'POST', headers, body: 'x'.repeat(3_000_000) })
  expect(await answer.json()).toEqual({ bytes: 3_000_000 })
  await http.close()
})
