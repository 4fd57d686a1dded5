/** A server that works on one run at a time: what waits in the queue can still be seen, cancelled and expired. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { expectObject } from '../harness/shapes.ts'
import { statementsBy } from '../harness/statements.ts'
import { gate, stories } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { maxRuns: 1 } })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, place, start, reach, rest, steps, waitingRun } = stories(() => server)

/** Keeps the one worker busy until it is opened. */
async function busy() {
  const hold = gate()
  server.model.script([{ text: 'first', before: hold.promise }])
  const run = await start(await place())
  await reach(run, 'in_progress')
  return {
    async open() {
      hold.open()
      await rest(run)
    },
  }
}

test('a run waits for its turn, and its stream shows the wait', async () => {
  const worker = await busy()
  const { assistant, thread } = await place()
  const streaming = server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  let list: any
  do list = await get(`/threads/${thread.id}/runs`)
  while (list.data.length === 0)
  expect(list.data[0]).toMatchObject({ status: 'queued', started_at: null })
  server.clock.advance(3)
  server.model.script([{ text: 'second' }])
  await worker.open()
  const events = await streaming
  expect(events.slice(0, 3).map((one) => [one.event, one.data.started_at])).toEqual([
    ['thread.run.created', null],
    ['thread.run.queued', null],
    ['thread.run.in_progress', list.data[0].created_at + 3],
  ])
  expect(events.at(-1)?.event).toBe('done')
})

test('a run that was cancelled in the queue never asks the model', async () => {
  const worker = await busy()
  const run = await start(await place())
  const path = `/threads/${run.thread_id}/runs/${run.id}`
  expect(await post(`${path}/cancel`)).toEqual({ ...run, status: 'cancelling' })
  const done = await reach(run, 'cancelled')
  expectObject('run', done)
  expect(done).toMatchObject({
    started_at: null,
    expires_at: null,
    cancelled_at: expect.any(Number),
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  })
  expect((await steps(run)).data).toEqual([])
  await worker.open()
  expect(server.model.requests).toHaveLength(1)
})

test('a run whose time ends in the queue expires without a start', async () => {
  const worker = await busy()
  server.clock.advance(-590)
  const run = await start(await place())
  server.clock.advance(590)
  expect((await get(`/threads/${run.thread_id}/runs/${run.id}`)).status).toBe('queued')
  server.clock.advance(9)
  server.model.script([{ text: 'in time' }])
  await worker.open()
  expect((await rest(run)).status).toBe('completed')

  const second = await busy()
  server.clock.advance(-600)
  const late = await start(await place())
  server.clock.advance(600)
  const done = await reach(late, 'expired')
  expect(done).toMatchObject({ started_at: null, expires_at: late.created_at + 600 })
  await second.open()
})

test('many runs on one worker all end, in the order in which they came', async () => {
  const worker = await busy()
  const order: string[] = []
  const places = await Promise.all(Array.from({ length: 8 }, () => place()))
  const runs: any[] = []
  server.model.whenever((body) => {
    order.push(body.messages.at(-1).content)
    return { text: 'x' }
  })
  for (const [index, where] of places.entries()) {
    runs.push(await start(where, { additional_messages: [{ role: 'user', content: `run ${index}` }] }))
  }
  await worker.open()
  for (const run of runs) expect((await rest(run)).status).toBe('completed')
  expect(order).toEqual(places.map((_, index) => `run ${index}`))
})

test('outputs that come too late take up no slot', async () => {
  const { path } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  const sweeps = gate()
  // The submit finds that the run has expired, before the worker does.
  statementsBy(async (statement, execute) => {
    if (statement.name === 'lock_runs_to_end') await sweeps.promise
    return execute()
  })
  server.clock.advance(600)
  const outputs = { tool_outputs: [{ tool_call_id: 'call_1', output: 'noon' }] }
  const { status, body } = await server.request('POST', `${path}/submit_tool_outputs`, outputs)
  expect([status, body.error.message]).toEqual([400, expect.stringContaining('expired')])
  server.model.script([{ text: 'next' }])
  expect((await rest(await start(await place()))).status).toBe('completed')
  sweeps.open()
  vi.restoreAllMocks()
})
