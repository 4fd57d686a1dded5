import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { gate, stories, timeTool, weatherTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, place, start, reach, rest, runToRest, waitingRun, steps, messages } = stories(() => server)

const tools = [weatherTool, timeTool]

async function refusal(path: string, body?: unknown) {
  const answer = await server.request('POST', path, body)
  return { status: answer.status, body: answer.body }
}

const outputs = (...pairs: [string, string][]) => ({
  tool_outputs: pairs.map(([tool_call_id, output]) => ({ tool_call_id, output })),
})

test('the model gets the outputs in the order of its calls, with any order of the submitted outputs', async () => {
  const { run, path } = await waitingRun([
    { id: 'call_a', name: 'get_weather', arguments: '{"city":"Rome"}' },
    { id: 'call_b', name: 'get_time', arguments: '{}' },
  ])
  server.model.script([
    {
      text: 'Sunny at noon',
      expect: (body) =>
        expect(body.messages).toEqual([
          { role: 'user', content: 'Hello' },
          {
            role: 'assistant',
            content: null,
            tool_calls: [
              {
                id: 'call_a',
                type: 'function',
                function: { name: 'get_weather', arguments: '{"city":"Rome"}' },
              },
              { id: 'call_b', type: 'function', function: { name: 'get_time', arguments: '{}' } },
            ],
          },
          { role: 'tool', tool_call_id: 'call_a', content: 'sunny' },
          { role: 'tool', tool_call_id: 'call_b', content: 'noon' },
        ]),
    },
  ])
  await post(`${path}/submit_tool_outputs`, outputs(['call_b', 'noon'], ['call_a', 'sunny']))
  expect((await rest(run)).status).toBe('completed')
})

test('a run can wait several times, each time in a new step', async () => {
  const { run, thread, path } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  server.model.script([{ calls: [{ id: 'call_2', name: 'get_weather', arguments: '{"city":"Oslo"}' }] }])
  await post(`${path}/submit_tool_outputs`, outputs(['call_1', 'noon']))
  const again = await reach(run, 'requires_action')
  expect(again.required_action.submit_tool_outputs.tool_calls.map((call: any) => call.id)).toEqual(['call_2'])
  server.model.script([{ text: 'Done' }])
  await post(`${path}/submit_tool_outputs`, outputs(['call_2', 'rain']))
  const done = await rest(run)
  expect(done.status).toBe('completed')
  const { data } = await steps(run)
  expect(data.map((step: any) => step.type)).toEqual(['tool_calls', 'tool_calls', 'message_creation'])
  const sum = data.reduce((total: number, step: any) => total + step.usage.total_tokens, 0)
  expect(done.usage.total_tokens).toBe(sum)
  expect((await messages(thread)).data).toHaveLength(2)
})

test('text before the calls is a separate message that is completed before the wait', async () => {
  server.model.script([
    { text: ['Let me ', 'see.'], calls: [{ id: 'call_1', name: 'get_time', arguments: '{}' }] },
  ])
  const where = await place({ tools })
  const run = await runToRest(where)
  expect(run.status).toBe('requires_action')
  const [, message] = (await messages(where.thread)).data
  expect(message).toMatchObject({ status: 'completed', content: [{ text: { value: 'Let me see.' } }] })
  const { data } = await steps(run)
  expect(data.map((step: any) => [step.type, step.status])).toEqual([
    ['message_creation', 'completed'],
    ['tool_calls', 'in_progress'],
  ])
  server.model.script([
    {
      text: 'Noon.',
      expect: (body) => {
        expect(body.messages.map((one: any) => one.role)).toEqual(['user', 'assistant', 'tool'])
        expect(body.messages[1]).toMatchObject({ content: 'Let me see.', tool_calls: [{ id: 'call_1' }] })
      },
    },
  ])
  await post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, outputs(['call_1', '12']))
  await rest(run)
})

test('a call of an unknown function is answered by the server, and the model continues', async () => {
  server.model.script([
    { calls: [{ id: 'call_x', name: 'multi_tool_use.parallel', arguments: '{}' }] },
    {
      text: 'Sorry',
      expect: (body) =>
        expect(body.messages.at(-1)).toEqual({
          role: 'tool',
          tool_call_id: 'call_x',
          content: "There is no function named 'multi_tool_use.parallel'.",
        }),
    },
  ])
  const run = await runToRest(await place({ tools }))
  expect(run).toMatchObject({ status: 'completed' })
  expect((await steps(run)).data.map((step: any) => step.type)).toEqual(['message_creation'])
})

test('of known and unknown functions in one turn the client sees the known ones', async () => {
  const { run, path } = await waitingRun([
    { id: 'call_x', name: 'nobody', arguments: '{}' },
    { id: 'call_1', name: 'get_time', arguments: '{}' },
  ])
  expect(run.required_action.submit_tool_outputs.tool_calls.map((call: any) => call.id)).toEqual(['call_1'])
  server.model.script([
    {
      text: 'x',
      expect: (body) =>
        expect(body.messages.slice(-2)).toEqual([
          { role: 'tool', tool_call_id: 'call_x', content: "There is no function named 'nobody'." },
          { role: 'tool', tool_call_id: 'call_1', content: 'noon' },
        ]),
    },
  ])
  await post(`${path}/submit_tool_outputs`, outputs(['call_1', 'noon']))
  expect((await rest(run)).status).toBe('completed')
})

test('with tool_choice none no function is called, even by a model that ignores it', async () => {
  server.model.script([{ calls: [{ name: 'get_time', arguments: '{}' }] }, { text: 'Then without' }])
  const run = await runToRest(await place({ tools }), { tool_choice: 'none' })
  expect(run.status).toBe('completed')
  const { data } = await steps(run)
  expect(data.map((step: { type: string }) => step.type)).toEqual(['message_creation'])
})

test('a run whose model only calls unknown functions fails and does not loop', async () => {
  server.model.whenever(() => ({ calls: [{ name: 'nobody', arguments: '{}' }] }))
  const run = await runToRest(await place({ tools }))
  expect(run).toMatchObject({ status: 'failed', last_error: { code: 'server_error' } })
  expect(server.complaints.splice(0)).toHaveLength(1)
  expect(server.model.requests).toHaveLength(50)
})

test('of two calls where one was allowed only the first is made', async () => {
  server.model.script([
    {
      calls: [
        { id: 'call_1', name: 'get_time', arguments: '{}' },
        { id: 'call_2', name: 'get_weather', arguments: ['{"city":', '"Rome"}'] },
      ],
    },
  ])
  const run = await runToRest(await place({ tools }), { parallel_tool_calls: false })
  expect(run.required_action.submit_tool_outputs.tool_calls.map((call: any) => call.id)).toEqual(['call_1'])
  server.model.script([
    {
      text: 'x',
      expect: (body) =>
        expect(body.messages.at(-2).tool_calls.map((call: any) => call.id)).toEqual(['call_1']),
    },
  ])
  await post(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, outputs(['call_1', 'x']))
  expect((await rest(run)).status).toBe('completed')
})

test('arguments that are not JSON reach the client unchanged', async () => {
  const { run } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{"broken": ' }])
  expect(run.required_action.submit_tool_outputs.tool_calls[0].function.arguments).toBe('{"broken": ')
})

test('outputs must answer every call once, or the submit changes nothing', async () => {
  const { run, path } = await waitingRun([
    { id: 'call_a', name: 'get_weather', arguments: '{}' },
    { id: 'call_b', name: 'get_time', arguments: '{}' },
  ])
  const submit = `${path}/submit_tool_outputs`
  for (const given of [
    [],
    ['call_a'],
    ['call_a', 'call_c'],
    ['call_a', 'call_a'],
    ['call_a', 'call_b', 'call_c'],
  ]) {
    const pairs = given.map((id): [string, string] => [id, 'x'])
    expect(await refusal(submit, outputs(...pairs))).toEqual(
      wireError(errors.toolOutputsMismatch(['call_a', 'call_b'], given)),
    )
  }
  expect(errors.toolOutputsMismatch(['call_a', 'call_b'], ['call_a']).message).toBe(
    "Expected tool outputs for call_ids ['call_a', 'call_b'], got ['call_a']",
  )
  expect(await get(path)).toEqual(run)
  server.model.script([{ text: 'x' }])
  await post(submit, outputs(['call_a', '1'], ['call_b', '2']))
  await rest(run)
})

test.each([
  [{}, errors.missingParameter('tool_outputs')],
  [{ tool_outputs: {} }, errors.invalidType('tool_outputs', 'an array', 'an object')],
  [
    { tool_outputs: [{ tool_call_id: 'call_1', output: {} }] },
    errors.invalidType('tool_outputs[0].output', 'a string', 'an object'),
  ],
  [{ tool_outputs: [], foo: 1 }, errors.unknownParameter('foo')],
  [
    { tool_outputs: [{ tool_call_id: 'call_1', output: 'x', is_error: true }] },
    errors.unknownParameter('tool_outputs[0].is_error'),
  ],
  [
    { tool_outputs: [{ tool_call_id: 'call_1', output: 'a'.repeat(1_048_577) }] },
    errors.stringTooLong('tool_outputs[0].output', 1_048_576, 1_048_577),
  ],
])('a submit of a wrong shape (case %#) is refused', async (body, error) => {
  const { path, run } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  expect(await refusal(`${path}/submit_tool_outputs`, body)).toEqual(wireError(error))
  expect(await get(path)).toEqual(run)
})

test('an output that is absent is the empty text', async () => {
  const { path, run } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  server.model.script([
    {
      text: 'x',
      expect: (body) => expect(body.messages.at(-1)).toMatchObject({ role: 'tool', content: '' }),
    },
  ])
  await post(`${path}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1' }] })
  await rest(run)
})

test('of two submits at once one is accepted and the other gets the text of the status', async () => {
  const { path, run } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  const hold = gate()
  server.model.script([{ text: 'x', before: hold.promise }])
  const answers = await Promise.all(
    ['a', 'b'].map((output) => refusal(`${path}/submit_tool_outputs`, outputs(['call_1', output]))),
  )
  hold.open()
  expect(answers.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 400])
  const late = answers.find((one) => one.status === 400)?.body.error
  expect(late).toMatchObject({
    message: expect.stringMatching(/^Runs in status "(queued|in_progress)" do not accept tool outputs\.$/),
    type: 'invalid_request_error',
    param: null,
    code: null,
  })
  await rest(run)
})

test('a submit and a cancel at once leave no run stuck, whichever comes first', async () => {
  for (let round = 0; round < 6; round += 1) {
    const { path, run } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
    server.model.whenever(() => ({ text: ['slow', 'ly'], delayMs: 50 }))
    const submit = () => refusal(`${path}/submit_tool_outputs`, outputs(['call_1', 'x']))
    const cancel = () => refusal(`${path}/cancel`)
    const both = round % 2 === 0 ? [submit(), cancel()] : [cancel(), submit()]
    const answers = await Promise.all(both)
    const [submitted, cancelled] = round % 2 === 0 ? answers : answers.toReversed()
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelling' } })
    expect([200, 400]).toContain(submitted?.status)
    const texts = ['cancelling', 'cancelled'].map((status) => errors.toolOutputsNotAccepted(status).message)
    expect([undefined, ...texts]).toContain(submitted?.body.error?.message)
    expect((await rest(run)).status).toBe('cancelled')
    expect(await refusal(`${path}/cancel`)).toEqual(wireError(errors.cannotCancel('cancelled')))
  }
})

test('of two cancels at once one is accepted', async () => {
  const { path, run } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  const answers = await Promise.all([refusal(`${path}/cancel`), refusal(`${path}/cancel`)])
  expect(answers.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 400])
  await reach(run, 'cancelled')
})

test('the thread is open again as soon as the final event was seen', async () => {
  const where = await place()
  for (let round = 0; round < 10; round += 1) {
    server.model.script([{ text: `Answer ${round}` }])
    const events = await server.stream(`/threads/${where.thread.id}/runs`, {
      assistant_id: where.assistant.id,
    })
    expect(events.at(-2)?.event).toBe('thread.run.completed')
    await post(`/threads/${where.thread.id}/messages`, { role: 'user', content: `Question ${round}` })
  }
  server.model.script([{ text: 'x' }])
  await rest(await start(where))
})

test.each(['content', 'refusal'])(
  '%s that comes after a call is added before the run waits for the client',
  async (field) => {
    const frame = (delta: object, finish_reason: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
    const call = { index: 0, id: 'call_1', function: { name: 'get_time', arguments: '{}' } }
    server.model.script([
      {
        raw: [
          frame({ tool_calls: [call] }),
          frame({ [field]: 'One ' }),
          frame({ [field]: 'moment.' }),
          frame({}, 'tool_calls'),
          'data: [DONE]\n\n',
        ],
      },
    ])
    const where = await place({ tools: [timeTool] })
    const run = await runToRest(where)
    expect(run.status).toBe('requires_action')
    const [message] = (await messages(where.thread, 'order=desc')).data
    const part = field === 'refusal' ? { refusal: 'One moment.' } : { text: { value: 'One moment.' } }
    expect(message).toMatchObject({ role: 'assistant', status: 'completed', content: [part] })
  },
)
