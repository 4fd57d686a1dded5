import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectList, expectObject } from '../harness/shapes.ts'
import { stories } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, place, runToRest, reach, steps, messages, waitingRun } = stories(() => server)
const now = () => Math.floor(server.clock.nowMs() / 1000)

const usage = {
  prompt_tokens: 10,
  completion_tokens: 1,
  total_tokens: 11,
  prompt_token_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
}

test('a run without tools has one step, which created its message', async () => {
  server.model.script([{ text: 'Hi' }])
  const { assistant, thread } = await place()
  const run = await runToRest({ assistant, thread })
  const [message] = (await messages(thread, 'limit=1')).data
  const list = await steps(run)
  expectList('step', list)
  expect(list.data).toEqual([
    {
      id: expect.stringMatching(/^step_[A-Za-z0-9]{24}$/),
      object: 'thread.run.step',
      created_at: now(),
      run_id: run.id,
      assistant_id: assistant.id,
      thread_id: thread.id,
      type: 'message_creation',
      status: 'completed',
      cancelled_at: null,
      completed_at: now(),
      expires_at: null,
      failed_at: null,
      last_error: null,
      step_details: { type: 'message_creation', message_creation: { message_id: message.id } },
      usage,
    },
  ])
  expect(await get(`/threads/${thread.id}/runs/${run.id}/steps/${list.first_id}`)).toEqual(list.data[0])
})

test('a step of function calls is in progress until the outputs are submitted, and then shows them', async () => {
  const { run, path } = await waitingRun([
    { id: 'call_1', name: 'get_weather', arguments: '{"city":"Rome"}' },
    { id: 'call_2', name: 'get_time', arguments: '' },
  ])
  const [open] = (await steps(run)).data
  expectObject('step', open)
  expect(open).toMatchObject({
    type: 'tool_calls',
    status: 'in_progress',
    completed_at: null,
    expires_at: run.expires_at,
    usage: null,
    step_details: {
      type: 'tool_calls',
      tool_calls: [
        {
          id: 'call_1',
          type: 'function',
          function: { name: 'get_weather', arguments: '{"city":"Rome"}', output: null },
        },
        { id: 'call_2', type: 'function', function: { name: 'get_time', arguments: '{}', output: null } },
      ],
    },
  })
  server.model.script([{ text: 'Done' }])
  await post(`${path}/submit_tool_outputs`, {
    tool_outputs: [{ tool_call_id: 'call_2', output: 'noon' }, { tool_call_id: 'call_1' }],
  })
  await reach(run, 'completed')
  const list = await steps(run)
  expectList('step', list)
  expect(list.data.map((step: any) => [step.type, step.status])).toEqual([
    ['tool_calls', 'completed'],
    ['message_creation', 'completed'],
  ])
  const [done] = list.data
  expect(done).toMatchObject({ completed_at: now(), expires_at: null, usage: { prompt_tokens: 10 } })
  expect(done.step_details.tool_calls.map((call: any) => call.function.output)).toEqual(['', 'noon'])
  expect((await steps(run, 'order=desc')).data).toEqual(list.data.toReversed())
})

test.each([
  'include[]=step_details.tool_calls[*].file_search.results[*].content',
  'include=step_details.tool_calls[*].file_search.results[*].content',
  'include%5B%5D=step_details.tool_calls%5B%2A%5D.file_search.results%5B%2A%5D.content',
  'include[]=step_details.tool_calls[*].file_search.results[*].content&include[]=step_details.tool_calls[*].file_search.results[*].content',
])('%s is accepted where steps are returned or created', async (query) => {
  server.model.script([{ text: 'Hi' }])
  const { assistant, thread } = await place()
  const run = await post(`/threads/${thread.id}/runs?${query}`, { assistant_id: assistant.id })
  await reach(run, 'completed')
  const path = `/threads/${thread.id}/runs/${run.id}/steps`
  const { data } = await get(`${path}?${query}&limit=1`)
  expect(await get(`${path}/${data[0].id}?${query}`)).toEqual(data[0])
})

test('an unknown value of include is refused', async () => {
  const { run, path } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  const error = wireError(
    errors.invalidValue('include[0]', 'everything', [
      'step_details.tool_calls[*].file_search.results[*].content',
    ]),
  )
  const outputs = { tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }] }
  const calls: [string, string, object?][] = [
    ['GET', `${path}/steps?include[]=everything`],
    ['GET', `${path}/steps/step_x?include=everything`],
    ['POST', `/threads/${run.thread_id}/runs?include[]=everything`, { assistant_id: run.assistant_id }],
    ['POST', '/threads/runs?include[]=everything', { assistant_id: run.assistant_id }],
    ['POST', `${path}/submit_tool_outputs?include[]=everything`, outputs],
  ]
  for (const [method, where, body] of calls) {
    const answer = await server.request(method, where, body)
    expect([where, { status: answer.status, body: answer.body }]).toEqual([where, error])
  }
})

test('an unknown step and a step of another run are not found', async () => {
  server.model.script([{ text: 'A' }, { text: 'B' }])
  const where = await place()
  const first = await runToRest(where)
  const second = await runToRest(where)
  const foreign = (await steps(second)).first_id
  for (const id of ['step_123', foreign]) {
    const answer = await server.request('GET', `/threads/${where.thread.id}/runs/${first.id}/steps/${id}`)
    expect({ status: answer.status, body: answer.body }).toEqual(wireError(errors.notFound('step', id)))
  }
})
