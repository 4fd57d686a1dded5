import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories } from '../harness/stories.ts'

const keepAliveMs = 20
let server: TestServer
beforeAll(async () => {
  server = await testServer({ keepAliveMs })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { newAssistant, newThread, get, reach, messages } = stories(() => server)

/** A stream that is read as it comes. */
async function openStream(url = server.url, signal?: AbortSignal) {
  const assistant = await newAssistant()
  const thread = await newThread('Hello')
  const response = await fetch(`${url}/threads/${thread.id}/runs`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer test-key',
      'openai-beta': 'assistants=v2',
      'content-type': 'application/json',
      // Only the body decides whether an answer is a stream.
      accept: 'application/json',
    },
    body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
    ...(signal && { signal }),
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    thread,
    response,
    readUntil: async (isThere: (text: string) => boolean): Promise<string> => {
      while (!isThere(text)) {
        const piece = await reader.read()
        if (piece.done) break
        text += piece.value
      }
      return text
    },
  }
}

const never = () => false

test('an idle stream gets comment lines without a blank line after them, and nothing else', async () => {
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const stream = await openStream()
  await stream.readUntil((text) => text.split(': keep-alive\n').length > 3)
  hold.open()
  const text = await stream.readUntil(never)
  expect(text).toContain('\n\n: keep-alive\n: keep-alive\n')
  expect(text).not.toMatch(/: keep-alive\n\n/)
  expect(text.endsWith('\n\nevent: done\ndata: [DONE]\n\n')).toBe(true)
  const lines = text.split('\n').filter((line) => line !== '')
  for (const line of lines) expect(line).toMatch(/^(event: [a-z._]+|data: (\{.*\}|\[DONE\])|: keep-alive)$/)
  expect(text).not.toContain('\r')
  expect(text).not.toMatch(/^(id|retry):/m)
})

test('the headers of a stream forbid caching and buffering', async () => {
  server.model.script([{ text: 'Hi' }])
  const { response, readUntil } = await openStream()
  await readUntil(never)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
    'openai-version': '2020-10-01',
    'openai-project': 'default',
    'openai-processing-ms': expect.stringMatching(/^\d+$/),
    'x-request-id': expect.stringMatching(/^req_/),
    'spool-model': 'scripted/gpt-4o',
  })
})

test('characters of every kind arrive unchanged', async () => {
  const pieces = ['Grüße ', '🎉', '\n\ndata: [DONE]\n\n', '\u2028 "quoted" \\ 中文']
  server.model.script([{ text: pieces }])
  const { readUntil } = await openStream()
  const text = await readUntil(never)
  const deltas = [...text.matchAll(/event: thread\.message\.delta\ndata: ([^\n]*)/g)].map(
    ([, data]) => JSON.parse(data ?? '').delta.content[0].text.value,
  )
  expect(deltas.join('')).toBe(pieces.join(''))
  expect(text).toContain('🎉')
})

test('a client that hangs up does not end the run', async () => {
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const client = new AbortController()
  const stream = await openStream(server.url, client.signal)
  await stream.readUntil((text) => text.includes('thread.message.delta'))
  client.abort()
  const [run] = (await get(`/threads/${stream.thread.id}/runs`)).data
  expect(run.status).toBe('in_progress')
  hold.open()
  const done = await reach(run, 'completed')
  expect(done.status).toBe('completed')
  const [, message] = (await messages(stream.thread)).data
  expect(message.content[0].text.value).toBe('Hello')
})

test('a server that stops ends its open streams with an error and without done', async () => {
  // Without a worker here, so that the other server goes on with the run.
  const other = await server.sibling({ roles: new Set(['api']) })
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const stream = await openStream(`${other.url}/v1`)
  await stream.readUntil((text) => text.includes('thread.message.delta'))
  await other.close()
  const text = await stream.readUntil(never)
  const requestId = stream.response.headers.get('x-request-id') ?? ''
  const last = text.replaceAll(': keep-alive\n', '').trim().split('\n\n').at(-1)
  expect(last).toBe(`event: error\ndata: ${JSON.stringify(errors.serverError(requestId).toBody())}`)
  expect(text).not.toContain('[DONE]')
  hold.open()
  const [run] = (await get(`/threads/${stream.thread.id}/runs`)).data
  await reach(run, 'completed')
})

test('a long answer loses nothing and keeps its order', async () => {
  const pieces = Array.from({ length: 2000 }, (_, index) => `${index} `)
  server.model.script([{ text: pieces }])
  const { readUntil, thread } = await openStream()
  const text = await readUntil(never)
  const deltas = [...text.matchAll(/event: thread\.message\.delta\ndata: ([^\n]*)/g)].map(
    ([, data]) => JSON.parse(data ?? '').delta.content[0].text.value,
  )
  expect(deltas.join('')).toBe(pieces.join(''))
  await eventually(
    async () => (await messages(thread)).data[1]?.content[0]?.text.value === pieces.join(''),
    'the whole message',
  )
})
