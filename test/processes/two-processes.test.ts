import { afterEach, expect, test } from 'vitest'
import { startProcess } from '../harness/process.ts'
import { requestStream, streamEvents } from '../harness/read-stream.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate } from '../harness/stories.ts'

let server: TestServer

afterEach(async () => {
  await server.close()
})

async function createRun(content = 'Hi') {
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  return server.openai.beta.threads.createAndRun({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content }] },
  })
}

/** The stream of a new run, read one event at a time. */
async function openStream(url: string) {
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  const response = await requestStream(`${url}/threads/runs`, {
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  })
  return streamEvents(response)
}

async function names(events: AsyncIterable<{ event: string }>): Promise<string[]> {
  const all: string[] = []
  for await (const { event } of events) all.push(event)
  return all
}

const plain = [
  'thread.created',
  'thread.run.created',
  'thread.run.queued',
  'thread.run.in_progress',
  'thread.run.step.created',
  'thread.run.step.in_progress',
  'thread.message.created',
  'thread.message.in_progress',
  'thread.message.delta',
  'thread.message.delta',
  'thread.message.completed',
  'thread.run.step.completed',
  'thread.run.completed',
  'done',
]

test('when one process answers requests and another executes runs, the stream is the same', async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
  await server.sibling({ roles: new Set(['worker']) })
  server.model.script([{ text: ['Hel', 'lo'] }])
  expect(await names(await openStream(server.url))).toEqual(plain)
})

test('a run that is created with its thread is announced to the other processes', async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
  const received: string[] = []
  const stop = await server.db.listen(
    'spool_runs',
    (payload) => received.push(payload),
    () => {},
  )
  await createRun()
  await eventually(async () => received.length > 0)
  await stop()
  expect(received).toEqual(['queue'])
})

test('a stream continues when the connection that listens for notifications is cut', async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
  await server.sibling({ roles: new Set(['worker']) })
  server.allowComplaints(/connection that listens|idle database connection/)
  const more = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: more.promise }])
  const events = await openStream(server.url)
  const seen: string[] = []
  for await (const { event } of events) {
    seen.push(event)
    if (seen.filter((name) => name === 'thread.message.delta').length !== 1) continue
    await server.db.query({
      text: `select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and query ilike 'listen%'`,
    })
    more.open()
  }
  expect(seen).toEqual(plain)
})

test('a cancel that reaches another process stops the model call of the owner', async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
  await server.sibling({ roles: new Set(['worker']) })
  server.model.script([{ text: ['Hel', 'lo'], hold: new Promise(() => {}) }])
  const run = await createRun()
  const key = { thread_id: run.thread_id }
  await eventually(
    async () => (await server.openai.beta.threads.runs.steps.list(run.id, key)).data.length === 1,
  )
  const cancelling = await server.openai.beta.threads.runs.cancel(run.id, key)
  expect(cancelling.status).toBe('cancelling')
  const ended = await server.openai.beta.threads.runs.poll(run.id, key, { pollIntervalMs: 20 })
  expect(ended.status).toBe('cancelled')
  const [answer] = (await server.openai.beta.threads.messages.list(run.thread_id)).data
  expect(answer).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'run_cancelled' },
    content: [{ text: { value: 'Hello' } }],
  })
})

test('the run of a killed process is recovered, and listeners at another process see one complete answer', async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
  const { url: database } = server
  const worker = await startProcess(server.dataDir, {
    DATABASE_URL: server.databaseUrl,
    SPOOL_ROLES: 'worker',
    OPENAI_BASE_URL: server.model.url,
  })
  server.model.script([{ text: ['Hel', 'lo'], hold: new Promise(() => {}) }, { text: ['Hello', ' again'] }])
  const events = await openStream(database)
  const seen: { event: string; data: any }[] = []
  for await (const one of events) {
    seen.push(one)
    const isSecondDelta = seen.filter(({ event }) => event === 'thread.message.delta').length === 2
    if (!isSecondDelta || worker.isOver()) continue
    await worker.end('SIGKILL')
    await server.sibling({ roles: new Set(['worker']) })
  }
  expect(seen.map(({ event }) => event)).toEqual([
    ...plain.slice(0, 10),
    'thread.message.incomplete',
    'thread.run.step.failed',
    ...plain.slice(4),
  ])
  const messages = await server.openai.beta.threads.messages.list(seen[0]?.data.id)
  expect(messages.data).toHaveLength(2)
  expect(messages.data[0]?.content).toMatchObject([{ text: { value: 'Hello again' } }])
})

const python = { sandbox: { choice: 'auto' as const, pythonPath: undefined, downloads: false } }

function cell(code: string) {
  return { calls: [{ name: 'code_interpreter', arguments: JSON.stringify({ code }) }] }
}

/** The steps of a run as JSON text, with the outputs of its cells. */
async function cellLogs(run: { id: string; thread_id: string }): Promise<string> {
  const steps = await server.openai.beta.threads.runs.steps.list(run.id, { thread_id: run.thread_id })
  return JSON.stringify(steps.data.map((step) => step.step_details))
}

test('a thread keeps its Python session in one process, whichever process gets the request', async () => {
  server = await testServer({ config: python })
  const other = await server.sibling(python)
  const assistant = await server.openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'code_interpreter' }],
  })
  server.model.script([cell('kept = 41'), { text: ['ok'] }, cell('kept + 1'), { text: ['ok'] }])
  const first = await server.openai.beta.threads.createAndRunPoll(
    { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  const second = await other.openai.beta.threads.runs.createAndPoll(
    first.thread_id,
    { assistant_id: assistant.id },
    { pollIntervalMs: 20 },
  )
  expect(second.status).toBe('completed')
  expect(await cellLogs(second)).toContain('42')
})

test('when the process that held the session has ended, the session is restarted in another one and says so', async () => {
  server = await testServer({ config: { ...python, roles: new Set(['api']) } })
  const assistant = await server.openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'code_interpreter' }],
  })
  const { runs } = server.openai.beta.threads
  const first = await server.sibling({ ...python, roles: new Set(['worker']) })
  server.model.script([cell('gone = 1'), { text: ['ok'] }, cell('"gone" in globals()'), { text: ['ok'] }])
  const run = await server.openai.beta.threads.createAndRunPoll(
    { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  await first.close()
  await server.sibling({ ...python, roles: new Set(['worker']) })
  const again = await runs.createAndPoll(
    run.thread_id,
    { assistant_id: assistant.id },
    { pollIntervalMs: 20 },
  )
  expect(again.status).toBe('completed')
  const logs = await cellLogs(again)
  expect(logs).toContain('The Python session was restarted')
  expect(logs).toContain('False')
})
