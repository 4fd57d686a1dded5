import { createHash } from 'node:crypto'
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerKey, claimAnswer } from '../../src/domain/idempotency.ts'
import { cuttingProxy, type CuttingProxy, type Cut } from '../harness/cutting-proxy.ts'
import { readStream, streamEvents } from '../harness/read-stream.ts'
import { testServer, type TestServer } from '../harness/server.ts'

let server: TestServer
let proxy: CuttingProxy
beforeAll(async () => {
  server = await testServer()
  proxy = await cuttingProxy(server.url)
})
afterAll(async () => {
  await proxy.close()
  await server.close()
})

const headers = {
  authorization: 'Bearer test-key',
  'openai-beta': 'assistants=v2',
  'content-type': 'application/json',
}

function post(path: string, body: object, more: Record<string, string> = {}, signal?: AbortSignal) {
  const sent = { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) }
  return fetch(server.url + path, { ...sent, ...(signal && { signal }) })
}

async function countMessages(thread_id: string): Promise<number> {
  return (await server.openai.beta.threads.messages.list(thread_id)).data.length
}

const cuts: Cut[] = ['before the request arrives', 'before the answer', 'after the headers', 20]

test.each(cuts)('with an idempotency key, an answer cut %s creates one message and not two', async (cut) => {
  const openai = new OpenAI({ baseURL: proxy.url, apiKey: 'test-key', maxRetries: 2 })
  const thread = await server.openai.beta.threads.create()
  proxy.cut(cut)
  const before = proxy.seen()
  const once = { headers: { 'Idempotency-Key': `key-${String(cut)}` } }
  const send = () => openai.beta.threads.messages.create(thread.id, { role: 'user', content: 'Hi' }, once)
  // An answer that breaks off after its headers is not repeated by the SDK: the program does it.
  const message = await send().catch(send)
  expect(proxy.seen() - before).toBe(2)
  expect(message.thread_id).toBe(thread.id)
  expect(await countMessages(thread.id)).toBe(1)
})

test('an idempotency key that is repeated with another body is refused', async () => {
  const thread = await server.openai.beta.threads.create()
  const path = `/threads/${thread.id}/messages`
  const key = { 'idempotency-key': 'other-body' }
  expect((await post(path, { role: 'user', content: 'one' }, key)).status).toBe(200)
  const second = await post(path, { role: 'user', content: 'two' }, key)
  expect(second.status).toBe(400)
  expect(await second.json()).toMatchObject({ error: { code: 'idempotency_key_reused' } })
})

test('an idempotency key can be used again after an error', async () => {
  const key = { 'idempotency-key': 'after-error' }
  const path = '/threads'
  expect((await post(path, { metadata: 7 }, key)).status).toBe(400)
  expect((await post(path, { metadata: { a: 'b' } }, key)).status).toBe(200)
})

test('an idempotency key is valid for a day', async () => {
  const key = { 'idempotency-key': 'one-day' }
  const first = await (await post('/threads', {}, key)).json()
  expect(await (await post('/threads', {}, key)).json()).toEqual(first)
  server.clock.advance(24 * 3600 + 1)
  expect(await (await post('/threads', {}, key)).json()).not.toEqual(first)
})

test('a key whose first request got no answer can be used again after a quarter of an hour', async () => {
  const { db, clock } = server
  const body = '{}'
  const body_hash = createHash('sha256').update(body).digest('hex')
  const key = answerKey({ project: 'default', key: 'no-answer', path: '/v1/threads' })
  // A process that was killed while it answered leaves this.
  expect(await claimAnswer({ db, clock }, { ...key, body_hash })).toBe('claimed')
  const send = () => post('/threads', {}, { 'idempotency-key': key.key })
  expect((await send()).status).toBe(409)
  clock.advance(900)
  expect((await send()).status).toBe(200)
})

test('with an idempotency key, a retry after a broken stream gets the stream of the same run', async () => {
  let goOn = () => {}
  const hold = new Promise<void>((resolve) => {
    goOn = resolve
  })
  server.model.script([{ text: ['Hel', 'lo'], hold }])
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  const body = {
    assistant_id: assistant.id,
    stream: true,
    thread: { messages: [{ role: 'user', content: 'a stream that breaks' }] },
  }
  const broken = new AbortController()
  const key = { 'idempotency-key': 'broken-stream' }
  const first = await post('/threads/runs', body, key, broken.signal)
  let run_id = ''
  await expect(async () => {
    for await (const event of streamEvents(first)) {
      run_id ||= event.event === 'thread.run.created' ? event.data.id : ''
      if (run_id !== '') broken.abort()
    }
  }).rejects.toThrow('abort')
  const joined = await post('/threads/runs', body, key)
  goOn()
  const events = await readStream(joined)
  expect(events.find((one) => one.event === 'thread.run.created')?.data.id).toBe(run_id)
  expect(events.at(-2)?.event).toBe('thread.run.completed')
})

test('a chat completion is requested again when its key is repeated', async () => {
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }] }
  const key = { 'idempotency-key': 'chat' }
  server.model.script([{ text: 'One' }, { text: 'Two' }])
  expect(await (await post('/chat/completions', body, key)).text()).toContain('One')
  expect(await (await post('/chat/completions', body, key)).text()).toContain('Two')
})

test('without an idempotency key, every request creates an object, whatever its retry count', async () => {
  const thread = await server.openai.beta.threads.create()
  const message = { role: 'user', content: 'Hi' }
  await post(`/threads/${thread.id}/messages`, message)
  await post(`/threads/${thread.id}/messages`, message, { 'x-stainless-retry-count': '1' })
  expect(await countMessages(thread.id)).toBe(2)
})

test.each([
  ['arrays', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['objects', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
  ['a field', `{"metadata":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
])('a key with a body of deeply nested %s gets the usual error', async (name, body) => {
  const key = { ...headers, 'idempotency-key': `nested ${name}` }
  const answer = await fetch(`${server.url}/threads`, { method: 'POST', headers: key, body })
  expect(answer.status).toBe(400)
})

test.each([5000, 10_000, 14_000])('a key works with a query of %d characters', async (length) => {
  const path = `/threads?trace=${'x'.repeat(length)}`
  const key = { 'idempotency-key': `long query ${length}` }
  const first = await (await post(path, {}, key)).json()
  expect(await (await post(path, {}, key)).json()).toEqual(first)
  const other = await post(`${path}y`, {}, key)
  expect(await other.json()).not.toEqual(first)
})
