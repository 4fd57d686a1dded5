import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
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

test.each(cuts)('with a key, an answer cut %s makes one message and not two', async (cut) => {
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

test('a key that comes again with another body is refused', async () => {
  const thread = await server.openai.beta.threads.create()
  const path = `/threads/${thread.id}/messages`
  const key = { 'idempotency-key': 'other-body' }
  expect((await post(path, { role: 'user', content: 'one' }, key)).status).toBe(200)
  const second = await post(path, { role: 'user', content: 'two' }, key)
  expect(second.status).toBe(400)
  expect(await second.json()).toMatchObject({ error: { code: 'idempotency_key_reused' } })
})

test('an error is not kept: the same key may try again', async () => {
  const key = { 'idempotency-key': 'after-error' }
  const path = '/threads'
  expect((await post(path, { metadata: 7 }, key)).status).toBe(400)
  expect((await post(path, { metadata: { a: 'b' } }, key)).status).toBe(200)
})

test('a key is honoured for a day', async () => {
  const key = { 'idempotency-key': 'one-day' }
  const first = await (await post('/threads', {}, key)).json()
  expect(await (await post('/threads', {}, key)).json()).toEqual(first)
  server.clock.advance(24 * 3600 + 1)
  expect(await (await post('/threads', {}, key)).json()).not.toEqual(first)
})

test('a stream that broke off is joined to the same run by the retry', async () => {
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
  const first = await post('/threads/runs', body, {}, broken.signal)
  let run_id = ''
  await expect(async () => {
    for await (const event of streamEvents(first)) {
      run_id ||= event.event === 'thread.run.created' ? event.data.id : ''
      if (run_id !== '') broken.abort()
    }
  }).rejects.toThrow('abort')
  const joined = await post('/threads/runs', body, { 'x-stainless-retry-count': '1' })
  goOn()
  const events = await readStream(joined)
  expect(events.find((one) => one.event === 'thread.run.created')?.data.id).toBe(run_id)
  expect(events.at(-2)?.event).toBe('thread.run.completed')
})

/** Sends a message while the thread is locked, and hangs up before the server can answer. */
async function loseMessage(thread_id: string): Promise<void> {
  const hangUp = new AbortController()
  await server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from threads where id = $1 for update', values: [thread_id] })
    const path = `/threads/${thread_id}/messages`
    const sent = post(path, { role: 'user', content: 'lost' }, {}, hangUp.signal)
    await waiting()
    hangUp.abort()
    await expect(sent).rejects.toThrow('abort')
  })
}

/** Resolves when somebody waits for the lock on the thread. */
async function waiting(): Promise<void> {
  for (;;) {
    const blocked = await server.db.query({
      text: `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    })
    if (blocked.length > 0) return
  }
}

test('without a key, the retry of a request whose client hung up gets the first answer, once', async () => {
  const thread = await server.openai.beta.threads.create()
  const path = `/threads/${thread.id}/messages`
  await loseMessage(thread.id)
  const retry = { 'x-stainless-retry-count': '1' }
  const second = await post(path, { role: 'user', content: 'lost' }, retry)
  expect(second.status).toBe(200)
  expect(await countMessages(thread.id)).toBe(1)
  expect((await post(path, { role: 'user', content: 'lost' }, retry)).status).toBe(200)
  expect(await countMessages(thread.id)).toBe(2)
})

test('a retry with another body, or of another key, makes its own object', async () => {
  const thread = await server.openai.beta.threads.create()
  const path = `/threads/${thread.id}/messages`
  await loseMessage(thread.id)
  const retry = { 'x-stainless-retry-count': '1' }
  await post(path, { role: 'user', content: 'other' }, retry)
  await post(path, { role: 'user', content: 'lost' }, { ...retry, authorization: 'Bearer another' })
  expect(await countMessages(thread.id)).toBe(3)
})

test('a chat completion that was left in the middle does not hold up the same request when it comes again', async () => {
  const body = { model: 'gpt-4o', stream: true, messages: [{ role: 'user', content: 'Hi' }] }
  server.model.script([{ text: ['Hel', 'lo'], hold: new Promise(() => {}) }, { text: ['Hello'] }])
  const leave = new AbortController()
  const first = await post('/chat/completions', body, {}, leave.signal)
  expect(first.status).toBe(200)
  leave.abort()
  const again = await post('/chat/completions', body, { 'x-stainless-retry-count': '1' })
  expect(await again.text()).toContain('Hello')
})

test('a chat completion is asked for anew when its key comes again', async () => {
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }] }
  const key = { 'idempotency-key': 'chat' }
  server.model.script([{ text: 'One' }, { text: 'Two' }])
  expect(await (await post('/chat/completions', body, key)).text()).toContain('One')
  expect(await (await post('/chat/completions', body, key)).text()).toContain('Two')
})
