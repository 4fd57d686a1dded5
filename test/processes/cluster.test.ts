/** Two to four server processes on one database. */
import OpenAI from 'openai'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { balancer } from '../harness/balancer.ts'
import { databaseProxy } from '../harness/database-proxy.ts'
import { startProcess, type ServerProcess } from '../harness/process.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, weatherTool } from '../harness/stories.ts'

// Processes are started many times.
vi.setConfig({ testTimeout: 240_000 })

let server: TestServer
const running = new Set<ServerProcess>()
beforeEach(async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
})
afterEach(async () => {
  await Promise.all([...running].map((one) => one.end('SIGTERM')))
  running.clear()
  server.model.whenever(undefined)
  await server.close()
})

async function start(environment: Record<string, string> = {}): Promise<ServerProcess> {
  const process = await startProcess(server.dataDir, {
    DATABASE_URL: server.databaseUrl,
    OPENAI_BASE_URL: server.model.url,
    SPOOL_DISCOVERY: 'false',
    ...environment,
  })
  running.add(process)
  return process
}

const hello = { messages: [{ role: 'user' as const, content: 'Hi' }] }
const newAssistant = (tools: any[] = []) => server.openai.beta.assistants.create({ model: 'gpt-4o', tools })
const fast = { pollIntervalMs: 20 }

/** The answers of the assistant on the thread. */
async function answers(openai: OpenAI, thread_id: string): Promise<string[]> {
  const messages = await openai.beta.threads.messages.list(thread_id)
  return messages.data.flatMap(({ role, content: [part] }) =>
    role === 'assistant' && part?.type === 'text' ? [part.text.value] : [],
  )
}

/** The last event of a new run's stream, and its thread. */
async function streamRun(openai: OpenAI, assistant_id: string, onEvent = (_event: string) => {}) {
  const stream = await openai.beta.threads.createAndRun({ assistant_id, thread: hello, stream: true })
  let [last, thread_id] = ['', '']
  for await (const { event, data } of stream) {
    if (event === 'thread.created') thread_id = data.id
    last = event
    onEvent(event)
  }
  return { last, thread_id }
}

test('a stream held at an API process goes on to its end after the worker of its run was killed', async () => {
  const [api, first] = await Promise.all([start({ SPOOL_ROLES: 'api' }), start({ SPOOL_ROLES: 'worker' })])
  server.model.script([{ text: ['Hel', 'lo'], hold: new Promise(() => {}) }, { text: ['Hello', ' again'] }])
  const { id } = await newAssistant()
  const begun = gate()
  const streaming = streamRun(api.openai, id, (event) => event === 'thread.message.delta' && begun.open())
  await begun.promise
  const second = await start({ SPOOL_ROLES: 'worker' })
  await first.end('SIGKILL')
  const { last, thread_id } = await streaming
  expect(last).toBe('thread.run.completed')
  expect(await answers(api.openai, thread_id)).toEqual(['Hello again'])
  expect(second.isOver()).toBe(false)
})

test('outputs are submitted and runs are cancelled at a process that does not work on the run', async () => {
  const [here, there] = await Promise.all([start(), start({ SPOOL_ROLES: 'api' })])
  const call = { calls: [{ name: 'get_weather', arguments: '{"city":"Lindau"}' }] }
  server.model.script([call, { text: 'Sunny.' }, { text: ['Hel', 'lo'], hold: new Promise(() => {}) }])
  const { id: assistant_id } = await newAssistant([weatherTool])
  const { runs } = there.openai.beta.threads
  const waiting = await here.openai.beta.threads.createAndRunPoll({ assistant_id, thread: hello }, fast)
  const [asked] = waiting.required_action?.submit_tool_outputs.tool_calls ?? []
  const submitted = await runs.submitToolOutputsAndPoll(
    waiting.id,
    { thread_id: waiting.thread_id, tool_outputs: [{ tool_call_id: asked?.id ?? '', output: 'sunny' }] },
    fast,
  )
  expect(submitted.status).toBe('completed')
  expect(await answers(here.openai, waiting.thread_id)).toEqual(['Sunny.'])

  const held = await here.openai.beta.threads.createAndRun({ assistant_id, thread: hello })
  const key = { thread_id: held.thread_id }
  await eventually(() => server.model.open() === 1, 'the answer of the model')
  expect((await runs.cancel(held.id, key)).status).toBe('cancelling')
  expect((await runs.poll(held.id, key, fast)).status).toBe('cancelled')
})

test('a restart of all processes, one after the other, fails no request and no stream', async () => {
  server.model.whenever(() => ({ text: ['Hel', 'lo', ' again'], delayMs: 30 }))
  const proxy = await balancer()
  const processes = await Promise.all([start(), start(), start()])
  for (const { url } of processes) proxy.add(url)
  await proxy.ready(3)
  const openai = new OpenAI({ baseURL: proxy.url, apiKey: 'test-key', maxRetries: 0 })
  const assistant = await newAssistant()
  const failures: unknown[] = []
  const done = { streams: 0, calls: 0 }
  let isOver = false
  const repeat = async (work: () => Promise<void>) => {
    while (!isOver) await work().catch((error: unknown) => failures.push(error))
  }
  const stream = async () => {
    const { last, thread_id } = await streamRun(openai, assistant.id)
    const texts = await answers(openai, thread_id)
    if (last !== 'thread.run.completed' || texts.join() !== 'Hello again') failures.push({ last, texts })
    done.streams += 1
  }
  const call = async () => {
    const thread = await openai.beta.threads.create(hello)
    await openai.beta.threads.messages.create(thread.id, { role: 'user', content: 'More' })
    const { data } = await openai.beta.threads.messages.list(thread.id)
    if (data.length !== 2) failures.push(data)
    done.calls += 3
  }
  const clients = [stream, stream, stream, stream, call, call].map(repeat)
  for (const old of processes) {
    const before = { ...done }
    const next = await start()
    proxy.add(next.url)
    await proxy.ready(3)
    await old.end('SIGTERM')
    running.delete(old)
    await eventually(
      () => done.streams > before.streams + 3 && done.calls > before.calls + 3,
      'requests after the restart',
    )
  }
  isOver = true
  await Promise.all(clients)
  await proxy.close()
  expect(failures).toEqual([])
})

test('streams and runs of all processes go on when their database was unavailable', async () => {
  const database = await databaseProxy(server.databaseUrl)
  const environment = { DATABASE_URL: database.url }
  const both = await Promise.all([start(environment), start({ ...environment, SPOOL_ROLES: 'api' })])
  const hold = gate()
  server.model.whenever(() => ({ text: ['Hel', 'lo'], hold: hold.promise }))
  const { id } = await newAssistant()
  const streaming = both.flatMap(({ openai }) => [streamRun(openai, id), streamRun(openai, id)])
  await eventually(() => server.model.open() === 4, 'the answers of the model')
  const ready = () => Promise.all(both.map(async ({ url }) => (await fetch(`${url}/readyz`)).status))
  database.block()
  await eventually(async () => (await ready()).every((status) => status === 503), 'the outage')
  const refused = await both[0]?.openai.beta.threads.create({}).catch((error: unknown) => error)
  expect(refused).toMatchObject({ status: 503, type: 'server_error' })
  hold.open()
  database.pass()
  for (const { last, thread_id } of await Promise.all(streaming)) {
    expect(last).toBe('thread.run.completed')
    expect(await answers(server.openai, thread_id)).toEqual(['Hello'])
  }
  await eventually(async () => (await ready()).every((status) => status === 200), 'the end of the outage')
  await Promise.all(both.map((one) => one.end('SIGTERM')))
  await database.close()
})
