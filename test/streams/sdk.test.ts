/** The official Node SDK, unmodified: its stream and poll helpers. `npm run test:compat` has its other versions. */
import OpenAI from 'openai'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { gate, stories, timeTool, weatherTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { place, waitingRun } = stories(() => server)

const client = () => new OpenAI({ baseURL: server.url, apiKey: 'test-key', maxRetries: 0 })

test('runs.stream gives text while it arrives and ends with the run, its messages and its steps', async () => {
  server.model.script([{ text: ['Hel', 'lo', '!'] }])
  const { assistant, thread } = await place()
  const stream = client().beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
  const received: string[] = []
  stream.on('textCreated', () => received.push('<'))
  stream.on('textDelta', (delta) => received.push(delta.value ?? ''))
  stream.on('textDone', (text) => received.push(`>${text.value}`))
  stream.on('messageDone', (message) => received.push(message.status))
  const run = await stream.finalRun()
  expect(received).toEqual(['<', 'Hel', 'lo', '!', '>Hello!', 'completed'])
  expect(run).toMatchObject({ status: 'completed', usage: { total_tokens: 13 } })
  expect(await stream.finalMessages()).toMatchObject([{ content: [{ text: { value: 'Hello!' } }] }])
  expect(await stream.finalRunSteps()).toMatchObject([{ type: 'message_creation', status: 'completed' }])
})

test('createAndRunStream begins with the thread', async () => {
  server.model.script([{ text: 'Hi' }])
  const { assistant } = await place()
  const stream = client().beta.threads.createAndRunStream({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hello' }] },
  })
  const events: string[] = []
  for await (const event of stream) events.push(event.event)
  expect(events[0]).toBe('thread.created')
  expect(events.at(-1)).toBe('thread.run.completed')
})

test('parallel calls are assembled, and submitToolOutputsStream continues the run', async () => {
  server.model.script([
    {
      text: 'Let me see.',
      calls: [
        { id: 'call_1', name: 'get_weather', arguments: ['{"city":', '"Rome"}'] },
        { id: 'call_2', name: 'get_time', arguments: ['{', '}'] },
      ],
    },
    { text: ['Sun', 'ny'] },
  ])
  const { assistant, thread } = await place({ tools: [weatherTool, timeTool] })
  const stream = client().beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
  const done: unknown[] = []
  stream.on('toolCallDone', (call) => done.push(call))
  const waiting = await stream.finalRun()
  expect(done).toMatchObject([
    { id: 'call_1', function: { name: 'get_weather', arguments: '{"city":"Rome"}' } },
    { id: 'call_2', function: { name: 'get_time', arguments: '{}' } },
  ])
  const calls = waiting.required_action?.submit_tool_outputs.tool_calls ?? []
  const next = client().beta.threads.runs.submitToolOutputsStream(waiting.id, {
    thread_id: thread.id,
    tool_outputs: calls.map((call) => ({ tool_call_id: call.id, output: 'sun' })),
  })
  let text = ''
  next.on('textDelta', (delta) => (text += delta.value))
  expect((await next.finalRun()).status).toBe('completed')
  expect(text).toBe('Sunny')
})

test('the poll helpers reach the end of runs and of waits', async () => {
  const openai = client()
  server.model.script([
    { text: 'One' },
    { text: 'Two' },
    { calls: [{ id: 'call_1', name: 'get_time', arguments: '{}' }] },
    { text: 'Three' },
  ])
  const { assistant, thread } = await place({ tools: [timeTool] })
  const first = await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
  expect(first.status).toBe('completed')
  const second = await openai.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hello' }] },
  })
  expect(second.status).toBe('completed')
  const third = await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
  expect(third.status).toBe('requires_action')
  const last = await openai.beta.threads.runs.submitToolOutputsAndPoll(third.id, {
    thread_id: thread.id,
    tool_outputs: [{ tool_call_id: 'call_1', output: 'noon' }],
  })
  expect(last.status).toBe('completed')
  const { data } = await openai.beta.threads.messages.list(thread.id)
  expect(data[0]?.content).toMatchObject([{ text: { value: 'Three' } }])
})

test('a failed run is an event like any other, not an exception', async () => {
  server.model.script([{ cut: true, text: ['Hel'] }])
  const { assistant, thread } = await place()
  const stream = client().beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
  const run = await stream.finalRun()
  expect(run).toMatchObject({ status: 'failed', last_error: { code: 'server_error' } })
  expect(server.complaints.splice(0)).toHaveLength(1)
})

test('a cancel ends the stream of another client', async () => {
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const { assistant, thread } = await place()
  const stream = client().beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
  let cancelled: Promise<unknown> | undefined
  stream.on('textCreated', () => {
    const run = stream.currentRun()
    cancelled = client().beta.threads.runs.cancel(run?.id ?? '', { thread_id: thread.id })
  })
  expect((await stream.finalRun()).status).toBe('cancelled')
  expect(await cancelled).toMatchObject({ status: 'cancelling' })
  hold.open()
})

test('errors are the classes that programs catch, with message and request id', async () => {
  const openai = client()
  const { run, thread } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  const failure = await openai.beta.threads.messages
    .create(thread.id, { role: 'user', content: 'x' })
    .catch((error: unknown) => error as any)
  expect(failure.constructor.name).toBe('BadRequestError')
  expect(failure.message).toBe(`400 Can't add messages to ${thread.id} while a run ${run.id} is active.`)
  expect(failure).toMatchObject({ status: 400, code: null, param: null, type: 'invalid_request_error' })
  expect(failure.requestID).toMatch(/^req_/)
  const absent = await openai.beta.assistants.retrieve('asst_nope').catch((error: unknown) => error as any)
  expect(absent.constructor.name).toBe('NotFoundError')
  const made = await openai.beta.threads.create()
  expect(made._request_id).toMatch(/^req_/)
})

test('each beta method works as it is written', async () => {
  const { beta } = client()
  server.model.script([{ text: 'x' }])
  const assistant = await beta.assistants.create({ model: 'gpt-4o', instructions: 'x' })
  expect((await beta.assistants.update(assistant.id, { name: 'N' })).name).toBe('N')
  expect((await beta.assistants.retrieve(assistant.id)).name).toBe('N')
  const thread = await beta.threads.create({ messages: [{ role: 'user', content: 'a' }] })
  expect((await beta.threads.update(thread.id, { metadata: { k: 'v' } })).metadata).toEqual({ k: 'v' })
  expect((await beta.threads.retrieve(thread.id)).metadata).toEqual({ k: 'v' })
  const message = await beta.threads.messages.create(thread.id, { role: 'user', content: 'b' })
  const where = { thread_id: thread.id }
  expect(
    (await beta.threads.messages.update(message.id, { ...where, metadata: { a: 'b' } })).metadata,
  ).toEqual({
    a: 'b',
  })
  expect((await beta.threads.messages.retrieve(message.id, where)).id).toBe(message.id)
  const run = await beta.threads.runs.create(thread.id, { assistant_id: assistant.id })
  await beta.threads.runs.poll(run.id, where)
  expect((await beta.threads.runs.update(run.id, { ...where, metadata: { r: '1' } })).metadata).toEqual({
    r: '1',
  })
  expect((await beta.threads.runs.list(thread.id)).data).toHaveLength(1)
  const [step] = (await beta.threads.runs.steps.list(run.id, where)).data
  const include = ['step_details.tool_calls[*].file_search.results[*].content' as const]
  const at = { ...where, run_id: run.id, include }
  expect(await beta.threads.runs.steps.retrieve(step?.id ?? '', at)).toMatchObject({ id: step?.id })
  expect((await beta.threads.messages.delete(message.id, where)).deleted).toBe(true)
  expect((await beta.threads.delete(thread.id)).deleted).toBe(true)
  expect((await beta.assistants.delete(assistant.id)).deleted).toBe(true)
})
