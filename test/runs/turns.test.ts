/** How earlier turns are sent to a model: one message for each turn, with the extras of its provider. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import type { ScriptedStep } from '../harness/scripted-model.ts'
import { stories, timeTool, weatherTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({
    scriptedEmbedder: true,
    config: { sandbox: { choice: 'auto', pythonPath: undefined, downloads: false } },
  })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, place, rest, runToRest, steps, messages } = stories(() => server)

const signature = (text: string) => ({ extra_content: { google: { thought_signature: text } } })
const timeCall = { id: 'call_1', name: 'get_time', arguments: '{}' }
const tools = [timeTool, weatherTool]

/** A step that records the messages of its request. */
function seen(step: ScriptedStep, into: any[][]): ScriptedStep {
  return { ...step, expect: (body) => into.push(body.messages) }
}

async function submit(run: any, outputs: Record<string, string>) {
  const tool_outputs = Object.entries(outputs).map(([tool_call_id, output]) => ({ tool_call_id, output }))
  await post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs })
  return rest(run)
}

test('text before and after the calls of one turn goes back with them as one message', async () => {
  const frame = (delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{}' } }
  const raw = [
    frame({ content: 'Let me see. ' }),
    frame({ tool_calls: [call] }),
    frame({ content: 'Just a moment.' }),
    frame({}, 'tool_calls'),
    'data: [DONE]\n\n',
  ]
  server.model.script([{ raw }])
  const run = await runToRest(await place({ tools }))
  const asked: any[][] = []
  server.model.script([seen({ text: 'Noon.' }, asked)])
  await submit(run, { call_1: '12' })
  expect(asked[0]).toEqual([
    { role: 'user', content: 'Hello' },
    {
      role: 'assistant',
      content: 'Let me see. Just a moment.',
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'call_1', content: '12' },
  ])
})

test('signatures and reasoning go back to the provider in every later request, and are shown nowhere else', async () => {
  server.model.script([
    {
      extra: { reasoning_content: 'I should ' },
      text: ['Let me look.'],
      calls: [
        { ...timeCall, extra: signature('sig-1') },
        { id: 'call_2', name: 'get_weather', arguments: '{}' },
      ],
    },
  ])
  const where = await place({ tools })
  const run = await runToRest(where)
  const asked: any[][] = []
  server.model.script([
    seen({ extra: { reasoning_content: 'Again. ' }, calls: [{ ...timeCall, id: 'call_3' }] }, asked),
    seen({ text: 'Noon.', extra: { ...signature('sig-2'), reasoning_content: 'Done. ' } }, asked),
    seen({ text: 'You are welcome.' }, asked),
  ])
  await submit(run, { call_1: '12', call_2: 'sunny' })
  await submit(run, { call_3: '12' })
  await runToRest(where)
  const first = {
    role: 'assistant',
    content: 'Let me look.',
    tool_calls: [
      {
        id: 'call_1',
        type: 'function',
        function: { name: 'get_time', arguments: '{}' },
        ...signature('sig-1'),
      },
      { id: 'call_2', type: 'function', function: { name: 'get_weather', arguments: '{}' } },
    ],
    reasoning_content: 'I should ',
  }
  for (const one of asked) expect(one[1]).toEqual(first)
  expect(asked[1]?.[4]).toMatchObject({ role: 'assistant', content: null, reasoning_content: 'Again. ' })
  expect(asked[2]?.at(-1)).toEqual({
    role: 'assistant',
    content: 'Noon.',
    reasoning_content: 'Done. ',
    ...signature('sig-2'),
  })
  const shown = JSON.stringify([
    await steps(run),
    await messages(where.thread),
    await get(`/threads/${run.thread_id}/runs/${run.id}`),
    await get(`/threads/${run.thread_id}/runs/${run.id}/trace`),
  ])
  expect(shown).toContain('Let me look.')
  for (const hidden of ['sig-1', 'sig-2', 'I should', 'Again.']) expect(shown).not.toContain(hidden)
})

test('built-in tools take the signature of their call along, and one message for text and call', async () => {
  const file = await server.openai.files.create({
    file: new File(['The moon is made of rock.'], 'moon.txt'),
    purpose: 'assistants',
  })
  const store = await server.openai.vectorStores.create({})
  await server.openai.vectorStores.files.createAndPoll(store.id, { file_id: file.id }, { pollIntervalMs: 20 })
  const where = await place({
    tools: [{ type: 'file_search' }, { type: 'code_interpreter' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  const asked: any[][] = []
  const search = { id: 'call_s', name: 'file_search', arguments: '{"queries":["moon"]}' }
  const code = { id: 'call_c', name: 'code_interpreter', arguments: '{"code":"1+1"}' }
  server.model.script([
    { text: 'I will search.', calls: [{ ...search, extra: signature('sig-s') }] },
    seen({ text: 'Now code.', calls: [{ ...code, extra: signature('sig-c') }] }, asked),
    seen({ text: 'Rock.' }, asked),
  ])
  expect((await runToRest(where)).status).toBe('completed')
  expect(asked[1]?.map((one) => one.role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'tool'])
  expect(asked[1]?.[1]).toMatchObject({ content: 'I will search.', tool_calls: [signature('sig-s')] })
  expect(asked[1]?.[3]).toMatchObject({ content: 'Now code.', tool_calls: [signature('sig-c')] })
})

test('a turn that a killed process had recorded goes back with its text and signature', async () => {
  server.model.script([
    { text: 'Wait.', calls: [{ ...timeCall, extra: signature('sig-1') }], extra: { reasoning: 'So. ' } },
  ])
  const run = await runToRest(await place({ tools: [timeTool] }))
  await server.db.query({
    text: `update runs set status = 'in_progress', required_action = null, lease_owner = 'worker_dead' where id = $1`,
    values: [run.id],
  })
  expect((await rest(run)).status).toBe('requires_action')
  const asked: any[][] = []
  server.model.script([seen({ text: 'Noon.' }, asked)])
  await submit(run, { call_1: '12' })
  expect(asked[0]?.[1]).toMatchObject({
    content: 'Wait.',
    reasoning: 'So. ',
    tool_calls: [signature('sig-1')],
  })
})

test('reasoning details are put together from their pieces', async () => {
  const detail = { type: 'reasoning.text', index: 0, format: 'x' }
  const frame = (delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{}' } }
  server.model.script([
    {
      raw: [
        frame({ reasoning_details: [{ ...detail, text: 'One ' }] }),
        frame({ reasoning_details: [{ ...detail, text: 'two' }] }),
        frame({ reasoning_details: [{ ...detail, text: '', signature: 'sig' }] }),
        frame({ reasoning_details: [{ type: 'reasoning.encrypted', data: 'abc', index: 1 }] }),
        frame({ tool_calls: [call] }),
        frame({}, 'stop'),
        'data: [DONE]\n\n',
      ],
    },
  ])
  const run = await runToRest(await place({ tools }))
  const asked: any[][] = []
  server.model.script([seen({ text: 'Noon.' }, asked)])
  await submit(run, { call_1: '12' })
  expect(asked[0]?.[1].reasoning_details).toEqual([
    { ...detail, text: 'One two', signature: 'sig' },
    { type: 'reasoning.encrypted', data: 'abc', index: 1 },
  ])
})

test('a deleted message takes its text out of the turn; the calls stay', async () => {
  server.model.script([{ text: 'A secret.', calls: [timeCall] }])
  const where = await place({ tools })
  const run = await runToRest(where)
  server.model.script([{ text: 'Noon.' }])
  await submit(run, { call_1: '12' })
  const { data } = await messages(where.thread)
  await server.request('DELETE', `/threads/${where.thread.id}/messages/${data[1].id}`)
  const asked: any[][] = []
  server.model.script([seen({ text: 'Hi.' }, asked)])
  await runToRest(where)
  expect(asked[0]?.[1]).toMatchObject({ content: null, tool_calls: [{ id: 'call_1' }] })
})

test('a built-in and an unknown function in one turn are sent back once', async () => {
  const cell = { id: 'call_c', name: 'code_interpreter', arguments: '{"code":"1+1"}' }
  const asked: any[][] = []
  server.model.script([
    { text: 'Two.', calls: [cell, { id: 'call_x', name: 'nobody', arguments: '{}' }] },
    seen({ text: 'Done.' }, asked),
  ])
  await runToRest(await place({ tools: [{ type: 'code_interpreter' }] }))
  expect(asked[0]?.map((one) => one.role)).toEqual(['user', 'assistant', 'tool', 'tool'])
})

test('text with a call of an unknown function goes back as one message', async () => {
  const asked: any[][] = []
  server.model.script([
    { text: 'Hm.', calls: [{ id: 'call_x', name: 'nobody', arguments: '{}', extra: signature('sig-x') }] },
    seen({ text: 'Done.' }, asked),
  ])
  await runToRest(await place({ tools }))
  expect(asked[0]?.map((one) => one.role)).toEqual(['user', 'assistant', 'tool'])
  expect(asked[0]?.[1]).toMatchObject({ content: 'Hm.', tool_calls: [signature('sig-x')] })
})

test('extras that are too large are left out, and the trace says so', async () => {
  const reasoning_content = 'x'.repeat(1024 * 1024 + 1)
  server.model.script([{ calls: [timeCall], extra: { reasoning_content } }])
  const run = await runToRest(await place({ tools }))
  const asked: any[][] = []
  server.model.script([seen({ text: 'Noon.' }, asked)])
  await submit(run, { call_1: '12' })
  expect(asked[0]?.[1]).not.toHaveProperty('reasoning_content')
  const { data } = await get(`/threads/${run.thread_id}/runs/${run.id}/trace`)
  expect(data.map((entry: any) => entry.kind)).toContain('extras_dropped')
})

test.for(['', null, ' '])(
  'arguments that the model sends as %j reach the client as JSON',
  async (written) => {
    server.model.script([{ text: 'Go.', calls: [{ id: 'call_1', name: 'get_time', arguments: written }] }])
    const run = await runToRest(await place({ tools }))
    const [call] = run.required_action.submit_tool_outputs.tool_calls
    expect(JSON.parse(call.function.arguments)).toEqual({})
    server.model.script([{ text: 'Noon.' }])
    await submit(run, { call_1: '12' })
  },
)

test('extras go back to the provider that wrote them and to no other', async () => {
  const twin = server.model
  const provider = { type: 'openai' as const, base_url: twin.url }
  const two = await testServer({
    models: {
      providers: { one: provider, other: provider },
      models: { 'one-*': 'one', 'other-*': 'other' },
    },
  })
  const other = stories(() => two)
  const where = {
    assistant: await other.newAssistant({ model: 'one-a', tools }),
    thread: await other.newThread('Hi'),
  }
  twin.script([{ calls: [{ ...timeCall, extra: signature('sig-1') }], extra: { reasoning: 'So.' } }])
  const run = await other.runToRest(where)
  twin.script([{ text: 'Noon.', extra: signature('sig-2') }])
  const path = `/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`
  await other.post(path, { tool_outputs: [{ tool_call_id: 'call_1', output: '12' }] })
  await other.rest(run)
  for (const [model, isOwn] of [
    ['one-b', true],
    ['other-b', false],
  ] as const) {
    twin.script([
      { text: 'Hi.', expect: (body) => expect(/sig-1.*So.*sig-2/.test(JSON.stringify(body))).toBe(isOwn) },
    ])
    expect((await other.runToRest(where, { model })).status).toBe('completed')
  }
  await two.close()
})
