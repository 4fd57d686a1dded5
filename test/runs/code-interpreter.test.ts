import { toFile } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ScriptedStep } from '../harness/scripted-model.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'

let server: TestServer
let assistant: string

beforeAll(async () => {
  server = await testServer({
    config: { sandbox: { choice: 'auto', pythonPath: undefined, downloads: false } },
  })
  assistant = (
    await server.openai.beta.assistants.create({ model: 'gpt-4o', tools: [{ type: 'code_interpreter' }] })
  ).id
})
afterAll(async () => {
  await server.close()
})

function cell(code: string, text?: string[]): ScriptedStep {
  const json = JSON.stringify({ code })
  const half = Math.floor(json.length / 2)
  const calls = [{ name: 'code_interpreter', arguments: [json.slice(0, half), json.slice(half)] }]
  return { calls, ...(text && { text }) }
}

/** Runs the scripted steps on a thread and answers its last step of calls and its last message. */
async function run(thread_id: string, steps: ScriptedStep[]) {
  server.model.script(steps)
  const { runs, messages } = server.openai.beta.threads
  const ended = await runs.createAndPoll(thread_id, { assistant_id: assistant }, { pollIntervalMs: 20 })
  expect(ended.last_error).toBeNull()
  expect(ended.status).toBe('completed')
  const listed = await runs.steps.list(ended.id, { thread_id })
  const details = listed.data.map((step) => step.step_details).find((one) => one.type === 'tool_calls')
  const [call] = details?.type === 'tool_calls' ? details.tool_calls : []
  const [message] = (await messages.list(thread_id)).data
  return { call: call?.type === 'code_interpreter' ? call.code_interpreter : undefined, message }
}

async function newThread(content = 'Hi') {
  return (await server.openai.beta.threads.create({ messages: [{ role: 'user', content }] })).id
}

test('a cell streams as it is written, then what it printed, then the answer', async () => {
  server.model.script([cell('print(6 * 7)'), { text: ['It is', ' 42'] }])
  const events = await server.stream('/threads/runs', {
    assistant_id: assistant,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  })
  expect(events.map((one) => one.event)).toEqual([
    'thread.created',
    'thread.run.created',
    'thread.run.queued',
    'thread.run.in_progress',
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.run.step.delta',
    'thread.run.step.delta',
    'thread.run.step.delta',
    'thread.run.step.delta',
    'thread.run.step.completed',
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
  ])
  const deltas = events
    .filter((one) => one.event === 'thread.run.step.delta')
    .map((one) => one.data.delta.step_details.tool_calls[0])
  expect(deltas[0]).toMatchObject({
    index: 0,
    type: 'code_interpreter',
    code_interpreter: { input: '', outputs: [] },
  })
  expect(
    deltas
      .slice(1, 3)
      .map((delta) => delta.code_interpreter.input)
      .join(''),
  ).toBe('print(6 * 7)')
  expect(deltas[3]).toEqual({
    index: 0,
    type: 'code_interpreter',
    code_interpreter: { outputs: [{ index: 0, type: 'logs', logs: '42\n' }] },
  })
})

test('the model reads what the cell printed, and gets a list of the libraries', async () => {
  const seen: any[] = []
  await run(await newThread(), [
    { ...cell('print("from the cell")'), expect: (body) => seen.push(body) },
    { text: ['done'], expect: (body) => seen.push(body) },
  ])
  expect(seen[0].tools[0].function).toMatchObject({ name: 'code_interpreter' })
  expect(seen[0].tools[0].function.description).toContain('standard library')
  expect(seen[1].messages.at(-1)).toMatchObject({ role: 'tool', content: 'from the cell\n' })
})

test('code in other arguments than the declared ones is run as it is shown', async () => {
  const calls = [{ name: 'code_interpreter', arguments: ['```python\npri', 'nt(6 * 7)\n``', '`'] }]
  const { call } = await run(await newThread(), [{ calls }, { text: ['ok'] }])
  expect(call).toEqual({ input: 'print(6 * 7)', outputs: [{ type: 'logs', logs: '42\n' }] })
})

test('arguments without code are answered with an error that the model can act on', async () => {
  const seen: any[] = []
  const { call } = await run(await newThread(), [
    { calls: [{ name: 'code_interpreter', arguments: '{"query":"6 * 7"}' }] },
    { text: ['sorry'], expect: (body) => seen.push(body) },
  ])
  expect(seen[0].messages.at(-1).content).toContain('Send {"code": "..."}')
  expect(JSON.stringify(call?.outputs)).toContain('Nothing was run')
})

test('variables are kept from run to run, and another thread does not see them', async () => {
  const mine = await newThread()
  await run(mine, [cell('secret = 41'), { text: ['ok'] }])
  expect((await run(mine, [cell('secret + 1'), { text: ['ok'] }])).call?.outputs).toEqual([
    { type: 'logs', logs: '42\n' },
  ])
  const theirs = await run(await newThread(), [cell('secret'), { text: ['ok'] }])
  expect(JSON.stringify(theirs.call?.outputs)).toContain('NameError')
})

test('a file of the thread is read by its id and by its own name', async () => {
  const file = await server.openai.files.create({
    file: await toFile(Buffer.from('a,b\n1,2\n'), 'numbers.csv'),
    purpose: 'assistants',
  })
  const thread = await server.openai.beta.threads.create({
    messages: [
      {
        role: 'user',
        content: 'Hi',
        attachments: [{ file_id: file.id, tools: [{ type: 'code_interpreter' }] }],
      },
    ],
  })
  const code = `print(open('/mnt/data/${file.id}').read() == open('/mnt/data/numbers.csv').read())`
  const { call } = await run(thread.id, [cell(code), { text: ['ok'] }])
  expect(call?.outputs).toEqual([{ type: 'logs', logs: 'True\n' }])
})

test('a file that code wrote is linked, attached and can be downloaded', async () => {
  const { message } = await run(await newThread(), [
    cell(`with open('/mnt/data/out.csv', 'w') as out:\n    out.write('x')`),
    { text: ['Get [it](sandbox:/mnt/', 'data/out.csv). 😀'] },
  ])
  const [part] = message?.content ?? []
  if (part?.type !== 'text') throw new Error('expected text')
  const [annotation] = part.text.annotations
  if (annotation?.type !== 'file_path') throw new Error('expected a path')
  const { start_index, end_index, text, file_path } = annotation
  expect(part.text.value.slice(start_index, end_index)).toBe(text)
  expect(text).toBe('sandbox:/mnt/data/out.csv')
  expect(message?.attachments).toEqual([
    { file_id: file_path.file_id, tools: [{ type: 'code_interpreter' }] },
  ])
  const kept = await server.openai.files.retrieve(file_path.file_id)
  expect(kept).toMatchObject({ purpose: 'assistants_output', filename: '/mnt/data/out.csv' })
  expect(await (await server.openai.files.content(kept.id)).text()).toBe('x')
})

test.each([
  ['my report.csv', 'my%20report.csv'],
  ['my report.csv', 'my report.csv'],
  ['plan (1).txt', 'plan%20%281%29.txt'],
  ['plan (1).txt', 'plan%20(1).txt'],
  ['plan (1).txt', 'plan (1).txt'],
  ['a & b/größe #2.txt', 'a%20%26%20b/gr%C3%B6%C3%9Fe%20%232.txt'],
])('%s, linked as %s, becomes an annotation', async (name, link) => {
  const path = JSON.stringify(`/mnt/data/${name}`)
  const code = `import os\nos.makedirs(os.path.dirname(${path}), exist_ok=True)\nopen(${path}, 'w').write('x');`
  const { message } = await run(await newThread(), [
    cell(code),
    { text: [`[it](sandbox:/mnt/data/${link.slice(0, 4)}`, `${link.slice(4)}).`] },
  ])
  const [part] = message?.content ?? []
  if (part?.type !== 'text') throw new Error('expected text')
  const [annotation] = part.text.annotations
  if (annotation?.type !== 'file_path') throw new Error('expected a path')
  expect(annotation.text).toBe(`sandbox:/mnt/data/${link}`)
  const stored = await server.openai.files.retrieve(annotation.file_path.file_id)
  expect(stored.filename).toBe(`/mnt/data/${name}`)
  expect(message?.attachments).toMatchObject([{ file_id: stored.id }])
})

test('a function in the same turn waits until the cell has run', async () => {
  const both = await server.openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'code_interpreter' }, { type: 'function', function: { name: 'ask' } }],
  })
  server.model.script([
    {
      calls: [
        { name: 'ask', arguments: '{}' },
        { name: 'code_interpreter', arguments: '{"code":"print(1)"}' },
      ],
    },
    { text: ['done'] },
  ])
  const { runs } = server.openai.beta.threads
  const waiting = await server.openai.beta.threads.createAndRunPoll(
    { assistant_id: both.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  expect(waiting.status).toBe('requires_action')
  const calls = waiting.required_action?.submit_tool_outputs.tool_calls ?? []
  expect(calls.map((call) => call.function.name)).toEqual(['ask'])
  const key = { thread_id: waiting.thread_id }
  const [step] = (await runs.steps.list(waiting.id, key)).data
  expect(step?.step_details).toMatchObject({
    tool_calls: [
      { type: 'function', function: { output: null } },
      { type: 'code_interpreter', code_interpreter: { outputs: [{ type: 'logs', logs: '1\n' }] } },
    ],
  })
  const tool_outputs = calls.map((call) => ({ tool_call_id: call.id, output: 'yes' }))
  const ended = await runs.submitToolOutputsAndPoll(
    waiting.id,
    { ...key, tool_outputs },
    { pollIntervalMs: 20 },
  )
  expect(ended.status).toBe('completed')
})

test('a cancel stops an endless cell', async () => {
  server.model.script([cell('print("begun", flush=True)\nwhile True: pass')])
  const { runs } = server.openai.beta.threads
  const thread_id = await newThread()
  const begun = await runs.create(thread_id, { assistant_id: assistant })
  await expect
    .poll(async () => (await runs.steps.list(begun.id, { thread_id })).data.length, { timeout: 30_000 })
    .toBe(1)
  await runs.cancel(begun.id, { thread_id })
  const ended = await runs.poll(begun.id, { thread_id }, { pollIntervalMs: 20 })
  expect(ended.status).toBe('cancelled')
  const [step] = (await runs.steps.list(begun.id, { thread_id })).data
  expect(step?.status).toBe('cancelled')
})

test('where there is no sandbox the run fails and says so: code never runs outside of one', async () => {
  const bare = await testServer()
  const { id } = await bare.openai.beta.assistants.create({
    model: 'm',
    tools: [{ type: 'code_interpreter' }],
  })
  bare.model.script([cell('print(1)')])
  const ended = await bare.openai.beta.threads.createAndRunPoll(
    { assistant_id: id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  expect(ended.status).toBe('failed')
  expect(ended.last_error).toEqual({
    code: 'server_error',
    message: 'code_interpreter cannot run: The code interpreter is turned off on this server.',
  })
  bare.complaints.length = 0
  await bare.close()
})

test('a call that cannot run fails the run at once, and ends the search beside it', async () => {
  const bare = await testServer({ scriptedEmbedder: true })
  const store = await storeOf(bare, { 'towns.txt': 'The lighthouse of Lindau is 33 metres high.' })
  const { id } = await bare.openai.beta.assistants.create({
    model: 'm',
    tools: [{ type: 'code_interpreter' }, { type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  bare.model.holdEmbeddings(new Promise(() => {}))
  const search = { name: 'file_search', arguments: '{"queries":["lighthouse"]}' }
  bare.model.script([{ calls: [search, { name: 'code_interpreter', arguments: '{"code":"1"}' }] }])
  const ended = await bare.openai.beta.threads.createAndRunPoll(
    { assistant_id: id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  expect(ended.last_error?.message).toContain('code_interpreter cannot run')
  bare.complaints.length = 0
  await bare.close()
})
