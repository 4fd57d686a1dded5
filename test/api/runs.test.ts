import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { ReasoningEffort } from '../../src/api/assistants.ts'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectList, expectObject } from '../harness/shapes.ts'
import { gate, stories, timeTool, weatherTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const story = stories(() => server)
const { post, get, newAssistant, newThread, place, start, reach, rest, runToRest, waitingRun } = story

const now = () => Math.floor(server.clock.nowMs() / 1000)

async function refusal(method: string, path: string, body?: unknown) {
  const answer = await server.request(method, path, body)
  return { status: answer.status, body: answer.body }
}

const noDetails = {
  prompt_token_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
}

test('a new run has every key in wire order, and is queued for ten minutes', async () => {
  server.model.script([{ text: 'Hi' }])
  const { assistant, thread } = await place()
  const run = await start({ assistant, thread })
  expectObject('run', run)
  expect(run).toEqual({
    id: expect.stringMatching(/^run_[A-Za-z0-9]{24}$/),
    object: 'thread.run',
    created_at: now(),
    assistant_id: assistant.id,
    thread_id: thread.id,
    status: 'queued',
    started_at: null,
    expires_at: now() + 600,
    cancelled_at: null,
    failed_at: null,
    completed_at: null,
    required_action: null,
    last_error: null,
    model: 'gpt-4o',
    instructions: null,
    tools: [],
    tool_resources: {},
    metadata: {},
    temperature: 1,
    top_p: 1,
    reasoning_effort: null,
    max_completion_tokens: null,
    max_prompt_tokens: null,
    truncation_strategy: { type: 'auto', last_messages: null },
    incomplete_details: null,
    usage: null,
    response_format: 'auto',
    tool_choice: 'auto',
    parallel_tool_calls: true,
  })
  await reach(run, 'completed')
})

test('a completed run has its usage and no expires_at, in GET and in the list', async () => {
  const usage = {
    prompt_tokens: 627,
    completion_tokens: 34,
    prompt_tokens_details: { cached_tokens: 3 },
    completion_tokens_details: { reasoning_tokens: 5 },
  }
  server.model.script([{ text: 'Hi', usage }])
  const { assistant, thread } = await place()
  const begun = await start({ assistant, thread })
  const run = await reach(begun, 'completed')
  expectObject('run', run)
  expect(run).toEqual({
    ...begun,
    status: 'completed',
    started_at: now(),
    completed_at: now(),
    expires_at: null,
    usage: {
      prompt_tokens: 627,
      completion_tokens: 34,
      total_tokens: 661,
      prompt_token_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 5 },
    },
  })
  expect(JSON.stringify(Object.keys(run.usage))).toBe(
    JSON.stringify([
      'prompt_tokens',
      'completion_tokens',
      'total_tokens',
      'prompt_token_details',
      'completion_tokens_details',
    ]),
  )
  const list = await get(`/threads/${thread.id}/runs`)
  expectList('run', list)
  expect(list.data).toEqual([run])
})

test('a run in requires_action shows its calls and expires_at, and no usage', async () => {
  const { run } = await waitingRun([
    { id: 'call_1', name: 'get_weather', arguments: ['{"ci', 'ty":"Rome"}'] },
  ])
  expectObject('run', run)
  expect(run).toMatchObject({ status: 'requires_action', usage: null, expires_at: run.created_at + 600 })
  expect(run.required_action).toEqual({
    type: 'submit_tool_outputs',
    submit_tool_outputs: {
      tool_calls: [
        {
          id: 'call_1',
          type: 'function',
          function: { name: 'get_weather', arguments: '{"city":"Rome"}' },
        },
      ],
    },
  })
})

test('submitted outputs queue the run with its old started_at, which changes when the run starts again', async () => {
  const { run, path } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  server.clock.advance(30)
  const hold = gate()
  server.model.script([{ text: 'Noon', before: hold.promise }])
  const queued = await post(`${path}/submit_tool_outputs`, {
    tool_outputs: [{ tool_call_id: 'call_1', output: '12:00' }],
  })
  expectObject('run', queued)
  expect(queued).toEqual({ ...run, status: 'queued', required_action: null })
  const working = await reach(run, 'in_progress')
  expect(working).toMatchObject({ started_at: now(), expires_at: run.expires_at })
  hold.open()
  const done = await reach(run, 'completed')
  expect(done).toMatchObject({ started_at: now(), completed_at: now(), expires_at: null })
  expect(done.usage).toEqual({ prompt_tokens: 20, completion_tokens: 3, total_tokens: 23, ...noDetails })
})

test('one call creates a thread and its run, with and without a body for the thread', async () => {
  server.model.script([{ text: 'A' }, { text: 'B' }, { text: 'C' }])
  const assistant = await newAssistant({ instructions: 'Speak.' })
  const bodies: object[] = [
    {},
    { thread: {} },
    {
      thread: { messages: [{ role: 'user', content: 'Hi' }], metadata: { of: 'thread' } },
      metadata: { of: 'run' },
    },
  ]
  for (const body of bodies) {
    const run = await post('/threads/runs', { assistant_id: assistant.id, ...body })
    expectObject('run', run)
    await reach(run, 'completed')
    expect((await get(`/threads/${run.thread_id}`)).metadata).toEqual(
      'metadata' in body ? { of: 'thread' } : {},
    )
    expect(run.metadata).toEqual('metadata' in body ? { of: 'run' } : {})
  }
})

test('a run on an empty thread needs instructions, of the assistant or of the run', async () => {
  const silent = await newAssistant()
  const instructed = await newAssistant({ instructions: 'Speak.' })
  const thread = await post('/threads')
  const path = `/threads/${thread.id}/runs`
  const nothing = wireError(errors.invalidThread())
  expect(await refusal('POST', path, { assistant_id: silent.id })).toEqual(nothing)
  expect(await refusal('POST', path, { assistant_id: instructed.id, instructions: '' })).toEqual(nothing)
  const threads = await server.db.query({ text: 'select id from threads' })
  expect(await refusal('POST', '/threads/runs', { assistant_id: silent.id })).toEqual(nothing)
  expect(await server.db.query({ text: 'select id from threads' })).toHaveLength(threads.length)
  const unanswered = [{ role: 'assistant', content: 'I speak first.' }]
  expect(await refusal('POST', path, { assistant_id: silent.id, additional_messages: unanswered })).toEqual(
    nothing,
  )
  expect(
    await refusal('POST', '/threads/runs', { assistant_id: silent.id, thread: { messages: unanswered } }),
  ).toEqual(nothing)
  server.model.script([
    {
      text: 'A',
      expect: (body) => expect(body.messages).toEqual([{ role: 'system', content: 'Now speak.' }]),
    },
    { text: 'B' },
  ])
  await runToRest({ assistant: silent, thread }, { instructions: 'Now speak.' })
  await runToRest({ assistant: silent, thread }, { additional_messages: [{ role: 'user', content: 'Hi' }] })
})

test.each([
  [{}, errors.missingParameter('assistant_id')],
  [{ assistant_id: 'abc' }, errors.invalidId('assistant_id', 'abc', 'asst')],
  [{ assistant_id: null }, errors.invalidType('assistant_id', 'a string', 'null')],
  [{ assistant_id: 'asst_nope' }, errors.notFound('assistant', 'asst_nope')],
  [{ assistant_id: 'asst_nope', foo: 1 }, errors.unknownParameter('foo')],
  [
    { assistant_id: 'asst_nope', max_prompt_tokens: 16 },
    errors.integerTooSmall('max_prompt_tokens', 256, 16),
  ],
  [
    { assistant_id: 'asst_nope', max_completion_tokens: 255 },
    errors.integerTooSmall('max_completion_tokens', 256, 255),
  ],
  [
    { assistant_id: 'asst_nope', truncation_strategy: { type: 'none' } },
    errors.invalidValue('truncation_strategy.type', 'none', ['auto', 'last_messages']),
  ],
  [
    { assistant_id: 'asst_nope', truncation_strategy: { type: 'last_messages', last_messages: 0 } },
    errors.integerTooSmall('truncation_strategy.last_messages', 1, 0),
  ],
  [
    { assistant_id: 'asst_nope', tool_choice: 'maybe' },
    errors.invalidValue('tool_choice', 'maybe', ['none', 'auto', 'required']),
  ],
  [
    { assistant_id: 'asst_nope', reasoning_effort: 'huge' },
    errors.invalidValue('reasoning_effort', 'huge', ReasoningEffort.options),
  ],
  [{ assistant_id: 'asst_nope', stream: 'yes' }, errors.invalidType('stream', 'a boolean', 'a string')],
  [
    { assistant_id: 'asst_nope', parallel_tool_calls: 1 },
    errors.invalidType('parallel_tool_calls', 'a boolean', 'an integer'),
  ],
])('a run from %j is refused', async (body, error) => {
  const thread = await newThread('Hi')
  expect(await refusal('POST', `/threads/${thread.id}/runs`, body)).toEqual(wireError(error))
  expect(await refusal('POST', '/threads/runs', body)).toEqual(wireError(error))
})

test('a field of only one of the two ways to create a run is refused by the other', async () => {
  const { assistant, thread } = await place()
  const path = `/threads/${thread.id}/runs`
  expect(await refusal('POST', path, { assistant_id: assistant.id, tool_resources: {} })).toEqual(
    wireError(errors.unknownParameter('tool_resources')),
  )
  expect(await refusal('POST', path, { assistant_id: assistant.id, thread: {} })).toEqual(
    wireError(errors.unknownParameter('thread')),
  )
  for (const key of ['additional_instructions', 'additional_messages']) {
    expect(await refusal('POST', '/threads/runs', { assistant_id: assistant.id, [key]: null })).toEqual(
      wireError(errors.unknownParameter(key)),
    )
  }
})

test('errors name the fields of the thread by their full path', async () => {
  const assistant = await newAssistant()
  const at = (thread: object) => refusal('POST', '/threads/runs', { assistant_id: assistant.id, thread })
  expect(await at({ messages: [{ role: 'robot', content: 'x' }] })).toEqual(
    wireError(errors.invalidValue('thread.messages[0].role', 'robot', ['user', 'assistant'])),
  )
  expect(await at({ foo: 1 })).toEqual(wireError(errors.unknownParameter('thread.foo')))
})

test('a run on an unknown thread is refused before its assistant is looked up', async () => {
  expect(await refusal('POST', '/threads/thread_x/runs', { assistant_id: 'asst_x' })).toEqual(
    wireError(errors.notFound('thread', 'thread_x')),
  )
})

test('errors of a streamed creation come as plain JSON', async () => {
  const { assistant, thread } = await place()
  const path = `/threads/${thread.id}/runs`
  expect(await refusal('POST', path, { assistant_id: 'asst_nope', stream: true })).toEqual(
    wireError(errors.notFound('assistant', 'asst_nope')),
  )
  const hold = gate()
  server.model.script([{ text: 'x', before: hold.promise }])
  const run = await start({ assistant, thread })
  expect(await refusal('POST', path, { assistant_id: assistant.id, stream: true })).toEqual(
    wireError(errors.activeRun(thread.id, run.id)),
  )
  hold.open()
  await rest(run)
})

test('a modification takes metadata only, in any state, and the final event carries it', async () => {
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const { assistant, thread } = await place()
  const streaming = server.stream(`/threads/${thread.id}/runs`, {
    assistant_id: assistant.id,
    metadata: { a: '1' },
  })
  const listed = async () => (await get(`/threads/${thread.id}/runs`)).data[0]
  while ((await listed())?.status !== 'in_progress') await new Promise((resolve) => setTimeout(resolve, 5))
  const run = await listed()
  const path = `/threads/${thread.id}/runs/${run.id}`
  const changed = await post(path, { metadata: { b: '2' } })
  expectObject('run', changed)
  expect(changed).toEqual({ ...run, metadata: { b: '2' } })
  hold.open()
  const events = await streaming
  expect(events.find((one) => one.event === 'thread.run.in_progress')?.data.metadata).toEqual({ a: '1' })
  expect(events.find((one) => one.event === 'thread.run.completed')?.data.metadata).toEqual({ b: '2' })
  expect((await get(path)).metadata).toEqual({ b: '2' })
  expect((await post(path, { metadata: null })).metadata).toEqual({})
  expect(await post(path, {})).toMatchObject({ status: 'completed', metadata: {} })
  expect(await refusal('POST', path, { status: 'failed' })).toEqual(
    wireError(errors.unknownParameter('status')),
  )
})

test('a run of another thread is not found', async () => {
  server.model.script([{ text: 'Hi' }])
  const here = await place()
  const run = await runToRest(here)
  const there = await newThread('there')
  const absent = wireError(errors.notFound('run', run.id))
  const path = `/threads/${there.id}/runs/${run.id}`
  expect(await refusal('GET', path)).toEqual(absent)
  expect(await refusal('POST', path, { metadata: {} })).toEqual(absent)
  expect(await refusal('POST', `${path}/cancel`)).toEqual(absent)
  expect(await refusal('POST', `${path}/submit_tool_outputs`, { tool_outputs: [] })).toEqual(absent)
  expect(await refusal('GET', `${path}/steps`)).toEqual(absent)
})

test('a run keeps the settings that it copied when its assistant changes or is deleted', async () => {
  const hold = gate()
  server.model.script([{ text: 'Hi', before: hold.promise }])
  const { assistant, thread } = await place({ instructions: 'Old.', tools: [weatherTool, timeTool] })
  const run = await start({ assistant, thread })
  await post(`/assistants/${assistant.id}`, { instructions: 'New.', tools: [], model: 'gpt-4' })
  await server.request('DELETE', `/assistants/${assistant.id}`)
  hold.open()
  const done = await reach(run, 'completed')
  expect(done).toMatchObject({
    assistant_id: assistant.id,
    instructions: 'Old.',
    model: 'gpt-4o',
    tools: [{ function: { name: 'get_weather' } }, { function: { name: 'get_time' } }],
  })
})
