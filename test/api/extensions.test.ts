import { afterAll, beforeAll, expect, test } from 'vitest'
import { readStream } from '../harness/read-stream.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await server.close()
})

async function completedRun(text: string[]) {
  server.model.script([{ text }])
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  return server.openai.beta.threads.createAndRunPoll(
    { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
}

async function openEvents(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(server.url + path, {
    headers: { authorization: 'Bearer test-key', 'openai-beta': 'assistants=v2', ...headers },
  })
  expect(response.status).toBe(200)
  return response
}

async function events(path: string, headers: Record<string, string> = {}) {
  return readStream(await openEvents(path, headers))
}

test('the log of a run can be read from the start, each event with its number', async () => {
  const run = await completedRun(['Hel', 'lo'])
  const all = await events(`/threads/${run.thread_id}/runs/${run.id}/events`)
  expect(all.at(-2)?.event).toBe('thread.run.completed')
  expect(all.slice(0, -1).map((one) => Number(one.id))).toEqual(all.slice(0, -1).map((_, index) => index + 1))
  expect(all.at(-1)).toEqual({ event: 'done', data: '[DONE]' })
})

test('the log of a run can be resumed after any event, by query or by Last-Event-ID', async () => {
  const run = await completedRun(['Hel', 'lo'])
  const path = `/threads/${run.thread_id}/runs/${run.id}/events`
  const all = await events(path)
  expect(await events(`${path}?after=5`)).toEqual(all.slice(5))
  expect(await events(path, { 'last-event-id': '9' })).toEqual(all.slice(9))
})

test('the log of an ended run that is resumed after its last event ends at once', async () => {
  const run = await completedRun(['Hello'])
  const path = `/threads/${run.thread_id}/runs/${run.id}/events`
  const last = (await events(path)).at(-2)?.id
  expect(await events(path, { 'last-event-id': String(last) })).toEqual([{ event: 'done', data: '[DONE]' }])
})

test('a reader of the log of a run gets an error when the thread is deleted', async () => {
  const tools = [{ type: 'function' as const, function: { name: 'get_time' } }]
  server.model.script([{ calls: [{ name: 'get_time', arguments: '{}' }] }])
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', tools })
  const run = await server.openai.beta.threads.createAndRunPoll(
    { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  const following = await openEvents(`/threads/${run.thread_id}/runs/${run.id}/events`)
  await server.openai.beta.threads.delete(run.thread_id)
  expect((await readStream(following)).at(-1)).toMatchObject({
    event: 'error',
    data: { error: { code: null } },
  })
})

test('the trace names the model that answered', async () => {
  const run = await completedRun(['Hello'])
  const trace = await server.request('GET', `/threads/${run.thread_id}/runs/${run.id}/trace`)
  expect(trace.body).toMatchObject({ attempts: 1, data: [{ kind: 'model', model: 'scripted/gpt-4o' }] })
})

test('threads are listed, newest first', async () => {
  const first = await server.openai.beta.threads.create()
  const second = await server.openai.beta.threads.create()
  const list = await server.request('GET', '/threads?limit=2')
  expect(list.body.data.map((thread: { id: string }) => thread.id)).toEqual([second.id, first.id])
  expect(list.body.has_more).toBe(true)
})

/** The texts of all messages of a thread, oldest first. */
async function texts(thread_id: string): Promise<string[]> {
  const found: string[] = []
  for await (const { content } of server.openai.beta.threads.messages.list(thread_id, { order: 'asc' })) {
    const [part] = content
    found.push(part?.type === 'text' ? part.text.value : '')
  }
  return found
}

test('a fork has the messages of its thread up to the named one, and later changes do not affect the thread', async () => {
  const { openai } = server
  const thread = await openai.beta.threads.create({
    messages: ['one', 'two', 'three'].map((content) => ({ role: 'user', content })),
    metadata: { topic: 'numbers' },
  })
  const [, two] = (await openai.beta.threads.messages.list(thread.id, { order: 'asc' })).data
  const fork = await server.request('POST', `/threads/${thread.id}/fork`, { last_message_id: two?.id })
  expect(fork.body).toMatchObject({ object: 'thread', metadata: { topic: 'numbers' } })
  await openai.beta.threads.messages.create(fork.body.id, { role: 'user', content: 'four' })
  expect(await texts(fork.body.id)).toEqual(['one', 'two', 'four'])
  expect(await texts(thread.id)).toEqual(['one', 'two', 'three'])
})

test('a fork of a thread with more than 500 messages has all of them, in their order', async () => {
  const all = Array.from({ length: 1001 }, (_, index) => `message ${index}`)
  const messages = all.slice(0, 1).map((content) => ({ role: 'user' as const, content }))
  const thread = await server.openai.beta.threads.create({ messages })
  await server.db.query({
    text: `insert into messages (id, project, thread_id, created_at, status, role, content, attachments, metadata)
           select m.id || n, m.project, m.thread_id, m.created_at, m.status, m.role,
                  replace(m.content::text, 'message 0', 'message ' || n)::json, m.attachments, m.metadata
           from messages m, generate_series(1, 1000) n where m.thread_id = $1 order by n`,
    values: [thread.id],
  })
  const fork = await server.request('POST', `/threads/${thread.id}/fork`, {})
  expect(await texts(fork.body.id)).toEqual(all)
})

test('a fork of a thread whose run is writing has the messages before that answer', async () => {
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const { openai } = server
  const assistant = await openai.beta.assistants.create({ model: 'gpt-4o' })
  const thread = await openai.beta.threads.create({ messages: [{ role: 'user', content: 'Hi' }] })
  const run = await openai.beta.threads.runs.create(thread.id, { assistant_id: assistant.id })
  await eventually(async () => (await texts(thread.id)).length === 2, 'the message of the run')
  const fork = await server.request('POST', `/threads/${thread.id}/fork`, {})
  expect(await texts(fork.body.id)).toEqual(['Hi'])
  hold.open()
  await openai.beta.threads.runs.poll(run.id, { thread_id: thread.id }, { pollIntervalMs: 20 })
})

test('a fork up to a message of another thread is refused', async () => {
  const thread = await server.openai.beta.threads.create()
  const answer = await server.request('POST', `/threads/${thread.id}/fork`, { last_message_id: 'msg_nope' })
  expect(answer.status).toBe(404)
  expect(answer.body.error.message).toBe("No message found with id 'msg_nope'.")
})
