import OpenAI from 'openai'
import { afterEach, expect, test } from 'vitest'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { errors } from '../../src/api/errors.ts'
import { RunLimits } from '../../src/domain/run-limits.ts'
import type { Database } from '../../src/database/database.ts'
import { eventually, gate, stories } from '../harness/stories.ts'

let server: TestServer
afterEach(() => server.close())

const { post, newAssistant, newThread, place, reach } = stories(() => server)
const keys = new Map([
  ['test-key', 'mine'],
  ['other-key', 'other'],
])
const others = { authorization: 'Bearer other-key' }
const start = ({ assistant, thread }: any, headers = {}) =>
  server.request('POST', `/threads/${thread.id}/runs`, { assistant_id: assistant.id }, headers)

/** Runs `work` while so many requests of the project `mine` are in progress and wait for a locked row. */
async function withRequestsInProgress(count: number, work: () => Promise<void>): Promise<void> {
  const thread = await newThread('Hello')
  const [locked, release] = [gate(), gate()]
  const holding = server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from threads where id = $1 for update', values: [thread.id] })
    locked.open()
    await release.promise
  })
  await locked.promise
  const waiting = Array.from({ length: count }, () =>
    server.request('POST', `/threads/${thread.id}`, { metadata: { a: 'b' } }),
  )
  const text = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await eventually(async () => (await server.db.query({ text })).length >= count, 'the requests to wait')
  try {
    await work()
  } finally {
    release.open()
    await holding
  }
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
}

test('requests past the bound of the process get 503 with retry-after, and those in progress are answered', async () => {
  server = await testServer({ config: { maxRequests: 3 } })
  await withRequestsInProgress(3, async () => {
    const refused = await server.request('GET', '/assistants')
    expect(refused).toMatchObject(wireError(errors.unavailable('too many requests are in progress', 1000)))
    expect(refused.headers.get('retry-after')).toBe('1')
    const health = await fetch(server.url.replace('/v1', '/readyz'))
    expect(health.status).toBe(200)
  })
  expect((await server.request('GET', '/assistants')).status).toBe(200)
})

test('requests past the bound of a project get 429 with retry-after, and other projects are answered', async () => {
  server = await testServer({ config: { keys, maxProjectRequests: 2 } })
  await withRequestsInProgress(2, async () => {
    const refused = await server.request('GET', '/assistants')
    const error = errors.rateLimited('requests in progress', 'mine', { limit: 2, retryAfterMs: 1000 })
    expect(refused).toMatchObject(wireError(error))
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await server.request('GET', '/assistants', undefined, others)).status).toBe(200)
  })
})

test('open streams do not count as requests in progress', async () => {
  server = await testServer({ config: { maxRequests: 1 } })
  const [{ assistant, thread }, hold] = [await place(), gate()]
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const streaming = server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  await eventually(() => server.model.open() === 1, 'the answer of the model')
  expect((await server.request('GET', `/threads/${thread.id}`)).status).toBe(200)
  hold.open()
  expect((await streaming).at(-2)?.event).toBe('thread.run.completed')
})

test('runs past the bound of the queue get 503 with retry-after, also streamed ones, until workers have taken some', async () => {
  server = await testServer({ config: { roles: new Set(['api']), maxQueuedRuns: 3 } })
  server.model.whenever(() => ({ text: 'Hi' }))
  const assistant = await newAssistant()
  const runs = []
  for (let queued = 0; queued < 3; queued += 1) {
    runs.push(await post('/threads/runs', { assistant_id: assistant.id, thread: { messages: [hello] } }))
  }
  const thread = await newThread('Hello')
  const full = wireError(errors.unavailable('too many runs are queued', 1000))
  const refused = await start({ assistant, thread })
  expect(refused).toMatchObject(full)
  expect(refused.headers.get('retry-after')).toBe('1')
  const streamed = { assistant_id: assistant.id, stream: true, thread: { messages: [hello] } }
  expect(await server.request('POST', '/threads/runs', streamed)).toMatchObject(full)
  await server.sibling({ roles: new Set(['worker']) })
  for (const run of runs) await reach(run, 'completed')
  await eventually(async () => (await start({ assistant, thread })).status === 200, 'room in the queue')
  const [last] = (await server.openai.beta.threads.runs.list(thread.id)).data
  await reach(last, 'completed')
  server.model.whenever(undefined)
})

const hello = { role: 'user', content: 'Hello' }

test('a project with too many active runs gets 429, other projects go on, and a retrying SDK waits for its turn', async () => {
  server = await testServer({ config: { keys, maxProjectRuns: 1 } })
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }, { text: 'Hi' }, { text: 'Hi' }])
  const first = (await start(await place())).body
  await eventually(() => server.model.open() === 1, 'the answer of the model')
  const second = await place()
  const refused = await start(second)
  expect(refused).toMatchObject(
    wireError(errors.rateLimited('active runs', 'mine', { limit: 1, retryAfterMs: 1000 })),
  )
  expect(refused.headers.get('retry-after')).toBe('1')
  const theirs = new OpenAI({ baseURL: server.url, apiKey: 'other-key', maxRetries: 0 })
  const assistant = await theirs.beta.assistants.create({ model: 'gpt-4o' })
  const run = await theirs.beta.threads.createAndRunPoll(
    { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }] } },
    { pollIntervalMs: 20 },
  )
  expect(run.status).toBe('completed')
  const retrying = new OpenAI({ baseURL: server.url, apiKey: 'test-key', maxRetries: 20 })
  const waiting = retrying.beta.threads.runs.create(second.thread.id, { assistant_id: second.assistant.id })
  hold.open()
  await reach(first, 'completed')
  await reach(await waiting, 'completed')
})

test('runs that are refused take up no slot of the worker', async () => {
  server = await testServer({ config: { keys, maxRuns: 3, maxProjectRuns: 1 } })
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }, { text: 'Hi' }])
  const where = await place()
  const first = (await start(where)).body
  await eventually(() => server.model.open() === 1, 'the answer of the model')
  const body = { assistant_id: where.assistant.id, thread: { messages: [hello] } }
  const second = { ...where, thread: await newThread('Hello') }
  for (let tries = 0; tries < 3; tries += 1) {
    expect((await server.request('POST', '/threads/runs', body)).status).toBe(429)
    expect((await start(second)).status).toBe(429)
  }
  const theirs = new OpenAI({ baseURL: server.url, apiKey: 'other-key', maxRetries: 0 })
  const { id } = await theirs.beta.assistants.create({ model: 'gpt-4o' })
  const thread = { messages: [{ role: 'user' as const, content: 'Hello' }] }
  const asked = { assistant_id: id, thread }
  const run = await theirs.beta.threads.createAndRunPoll(asked, { pollIntervalMs: 20 })
  expect(run.status).toBe('completed')
  hold.open()
  await reach(first, 'completed')
})

test('far from its bounds a server does not count the runs in the database for each new one', async () => {
  server = await testServer()
  let statements = 0
  const query: Database['query'] = (statement) => {
    statements += 1
    return server.db.query(statement)
  }
  const limits = new RunLimits({ maxQueuedRuns: 10_000, maxProjectRuns: 10_000 })
  for (let runs = 0; runs < 500; runs += 1) {
    await limits.admit({ ...server.db, query }, { project: 'mine', waits: runs % 2 === 0 })
  }
  expect(statements).toBe(1)
})
