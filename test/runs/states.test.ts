import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { idleWorker } from '../harness/idle-worker.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectObject } from '../harness/shapes.ts'
import { eventually, gate, stories, timeTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, place, start, reach, rest, runToRest, waitingRun, steps, messages } = stories(() => server)

const now = () => Math.floor(server.clock.nowMs() / 1000)

async function refusal(method: string, path: string, body?: unknown) {
  const answer = await server.request(method, path, body)
  return { status: answer.status, body: answer.body }
}

/** Runs in every state, each with what lets it go on. */
const inState: Record<string, () => Promise<{ run: any; assistant: any; release: () => Promise<void> }>> = {
  async queued() {
    const { assistant, thread } = await place({ tools: [timeTool] })
    server.model.script([{ text: 'x' }])
    const run = await start({ assistant, thread })
    await reach(run, 'completed')
    // A worker claims a queued run at once: so the row is set back and gets an owner that does nothing.
    const endIdle = await idleWorker(server.db, 'worker_idle')
    await server.db.query({
      text: `update runs set status = 'queued', completed_at = null, usage = null, lease_owner = 'worker_idle'
             where id = $1`,
      values: [run.id],
    })
    const release = async () => {
      await server.db.query({
        text: `update runs set status = 'completed', lease_owner = null where id = $1`,
        values: [run.id],
      })
      await endIdle()
    }
    return { run: await get(`/threads/${thread.id}/runs/${run.id}`), assistant, release }
  },
  async in_progress() {
    const { assistant, thread } = await place({ tools: [timeTool] })
    const hold = gate()
    server.model.script([{ text: 'x', before: hold.promise }])
    const run = await reach(await start({ assistant, thread }), 'in_progress')
    return {
      run,
      assistant,
      release: async () => {
        hold.open()
        await reach(run, 'completed', 'cancelled')
      },
    }
  },
  async requires_action() {
    const { run, assistant } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
    return { run, assistant, release: async () => {} }
  },
  async cancelling() {
    const { run, assistant, release } = await inState.queued!()
    const set = (status: string) =>
      server.db.query({ text: 'update runs set status = $2 where id = $1', values: [run.id, status] })
    await set('cancelling')
    return { run: await get(`/threads/${run.thread_id}/runs/${run.id}`), assistant, release }
  },
  async completed() {
    const where = await place()
    server.model.script([{ text: 'x' }])
    return { run: await runToRest(where), assistant: where.assistant, release: async () => {} }
  },
  async incomplete() {
    const where = await place()
    server.model.script([{ text: 'x', finish_reason: 'length' }])
    const run = await runToRest(where, { max_completion_tokens: 256 })
    return { run, assistant: where.assistant, release: async () => {} }
  },
  async failed() {
    const where = await place()
    server.model.script([{ status: 400, body: { error: { message: 'No.' } } }])
    const run = await runToRest(where)
    server.complaints.splice(0)
    return { run, assistant: where.assistant, release: async () => {} }
  },
  async cancelled() {
    const { run, assistant } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
    await post(`/threads/${run.thread_id}/runs/${run.id}/cancel`)
    return { run: await reach(run, 'cancelled'), assistant, release: async () => {} }
  },
  async expired() {
    const { run, assistant } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
    server.clock.advance(601)
    return { run: await reach(run, 'expired'), assistant, release: async () => {} }
  },
}

const active = ['queued', 'in_progress', 'requires_action', 'cancelling']

test.each(Object.keys(inState))('a run that is %s is found, listed, and takes metadata', async (state) => {
  const { run, release } = await inState[state]!()
  const path = `/threads/${run.thread_id}/runs/${run.id}`
  expectObject('run', run)
  expect(run.status).toBe(state)
  expect(await get(path)).toEqual(run)
  expect((await get(`/threads/${run.thread_id}/runs`)).data).toEqual([run])
  expect(await post(path, { metadata: { in: state } })).toEqual({ ...run, metadata: { in: state } })
  expect((await post(`/threads/${run.thread_id}`, { metadata: { x: 'y' } })).metadata).toEqual({ x: 'y' })
  const [message] = (await messages({ id: run.thread_id })).data
  await post(`/threads/${run.thread_id}/messages/${message.id}`, { metadata: { x: 'y' } })
  await release()
})

test.each(active)('a run that is %s locks messages and runs of its thread', async (state) => {
  const { run, assistant, release } = await inState[state]!()
  const { thread_id } = run
  const locked = wireError(errors.threadLocked(thread_id, run.id))
  const message = { role: 'user', content: 'More' }
  expect(await refusal('POST', `/threads/${thread_id}/messages`, message)).toEqual(locked)
  const [first] = (await messages({ id: thread_id })).data
  expect(await refusal('DELETE', `/threads/${thread_id}/messages/${first.id}`)).toEqual(locked)
  const busy = wireError(errors.activeRun(thread_id, run.id))
  for (const more of [{}, { stream: true }, { additional_messages: [message] }]) {
    expect(
      await refusal('POST', `/threads/${thread_id}/runs`, { assistant_id: assistant.id, ...more }),
    ).toEqual(busy)
  }
  expect((await messages({ id: thread_id })).data.map((one: any) => one.id)).toContain(first.id)
  await release()
})

test.each(Object.keys(inState).filter((state) => !active.includes(state)))(
  'a run that is %s leaves its thread open',
  async (state) => {
    const { run, assistant } = await inState[state]!()
    await post(`/threads/${run.thread_id}/messages`, { role: 'user', content: 'More' })
    server.model.script([{ text: 'Next' }])
    const next = await runToRest({ assistant, thread: { id: run.thread_id } })
    expect(next.status).toBe('completed')
    expect(await get(`/threads/${run.thread_id}/runs/${run.id}`)).toEqual(run)
  },
)

test.each(Object.keys(inState).filter((state) => state !== 'requires_action'))(
  'a run that is %s takes no tool outputs',
  async (state) => {
    const { run, release } = await inState[state]!()
    for (const stream of [false, true]) {
      expect(
        await refusal('POST', `/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, {
          tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }],
          stream,
        }),
      ).toEqual(wireError(errors.toolOutputsNotAccepted(state)))
    }
    await release()
  },
)

test.each(Object.keys(inState).filter((state) => !active.includes(state) || state === 'cancelling'))(
  'a run that is %s cannot be cancelled',
  async (state) => {
    const { run, release } = await inState[state]!()
    const path = `/threads/${run.thread_id}/runs/${run.id}`
    expect(await refusal('POST', `${path}/cancel`)).toEqual(wireError(errors.cannotCancel(state)))
    expect(errors.cannotCancel('completed').message).toBe("Cannot cancel run with status 'completed'.")
    expect(await get(path)).toEqual(run)
    await release()
  },
)

test('times by state are those of the live service', async () => {
  const times = async (state: string) => {
    const { run, release } = await inState[state]!()
    await release()
    return Object.entries(run)
      .filter(([key, value]) => key.endsWith('_at') && value !== null)
      .map(([key]) => key)
  }
  expect(await times('in_progress')).toEqual(['created_at', 'started_at', 'expires_at'])
  expect(await times('requires_action')).toEqual(['created_at', 'started_at', 'expires_at'])
  expect(await times('completed')).toEqual(['created_at', 'started_at', 'completed_at'])
  expect(await times('incomplete')).toEqual(['created_at', 'started_at', 'completed_at'])
  expect(await times('failed')).toEqual(['created_at', 'started_at', 'failed_at'])
  expect(await times('cancelled')).toEqual(['created_at', 'started_at', 'cancelled_at'])
  expect(await times('expired')).toEqual(['created_at', 'started_at', 'expires_at'])
})

test('cancelling a run that waits answers cancelling, then ends run and step', async () => {
  const { run, path } = await waitingRun([{ id: 'call_1', name: 'get_weather', arguments: '{}' }])
  const answer = await server.request('POST', `${path}/cancel`)
  expectObject('run', answer.body)
  expect(answer.body).toEqual({ ...run, status: 'cancelling', required_action: null })
  const done = await reach(run, 'cancelled')
  expect(done).toMatchObject({ cancelled_at: now(), expires_at: null, required_action: null })
  expect(done.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 2 })
  const [step] = (await steps(run)).data
  expectObject('step', step)
  expect(step).toMatchObject({ status: 'cancelled', cancelled_at: now(), completed_at: null })
  expect(step.usage).toEqual(done.usage)
  expect(step.step_details.tool_calls[0].function.output).toBeNull()
})

test('cancelling in the middle of an answer stops the model and keeps its text', async () => {
  const hold = gate()
  server.model.script([{ text: ['Once ', 'upon '], hold: hold.promise }])
  const where = await place()
  const run = await start(where)
  const lastMessage = async () => (await messages(where.thread)).data.at(1)
  await eventually(async () => (await lastMessage()) !== undefined, 'the message')
  expect(await lastMessage()).toMatchObject({ status: 'in_progress', role: 'assistant', run_id: run.id })
  const before = server.model.abandoned()
  const answer = await post(`/threads/${run.thread_id}/runs/${run.id}/cancel`)
  expect(answer.status).toBe('cancelling')
  const done = await reach(run, 'cancelled')
  await eventually(() => server.model.abandoned() === before + 1, 'the end of the model call')
  hold.open()
  expect(done).toMatchObject({ cancelled_at: now(), expires_at: null, completed_at: null, last_error: null })
  const message = await lastMessage()
  expectObject('message', message)
  expect(message).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'run_cancelled' },
    incomplete_at: now(),
    completed_at: null,
    content: [{ type: 'text', text: { value: 'Once upon ', annotations: [] } }],
  })
  const [step] = (await steps(run)).data
  expectObject('step', step)
  expect(step).toMatchObject({ status: 'cancelled', cancelled_at: now(), completed_at: null })
})

test('a run that waits expires ten minutes after its creation, and so does its step', async () => {
  const { run, path } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  server.clock.advance(599)
  expect((await get(path)).status).toBe('requires_action')
  server.clock.advance(1)
  const done = await reach(run, 'expired')
  expectObject('run', done)
  expect(done).toMatchObject({
    expires_at: run.created_at + 600,
    required_action: null,
    completed_at: null,
    failed_at: null,
    cancelled_at: null,
    last_error: null,
  })
  const [step] = (await steps(run)).data
  expectObject('step', step)
  expect(step).toMatchObject({ status: 'expired', expired_at: now(), completed_at: null })
})

test('a submit after the expiry is refused even before the sweep has expired the run', async () => {
  const { path } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  server.clock.advance(600)
  expect(
    await refusal('POST', `${path}/submit_tool_outputs`, {
      tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }],
    }),
  ).toEqual(wireError(errors.toolOutputsNotAccepted('expired')))
})

test('a submit does not win time: the run still expires ten minutes after its creation', async () => {
  const { run, path } = await waitingRun([{ id: 'call_1', name: 'get_time', arguments: '{}' }])
  server.clock.advance(500)
  const hold = gate()
  server.model.script([{ text: ['No', 'on'], hold: hold.promise }])
  const queued = await post(`${path}/submit_tool_outputs`, {
    tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }],
  })
  expect(queued.expires_at).toBe(run.expires_at)
  await eventually(async () => (await messages({ id: run.thread_id })).data.length === 2, 'the message')
  server.clock.advance(100)
  const done = await reach(run, 'expired')
  hold.open()
  expect(done.expires_at).toBe(run.expires_at)
  const [, message] = (await messages({ id: run.thread_id })).data
  expect(message).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'run_expired' },
    incomplete_at: now(),
    content: [{ text: { value: 'Noon' } }],
  })
  expect((await steps(run)).data.map((step: any) => step.status)).toEqual(['completed', 'expired'])
})

test.each([3600, 86_400, -3600])(
  'a run in progress goes on when the clock of the machine is set by %d seconds',
  async (seconds) => {
    const hold = gate()
    server.model.script([{ text: ['No', 'on'], hold: hold.promise }])
    const run = await start(await place())
    const thread = { id: run.thread_id }
    await eventually(async () => (await messages(thread)).data.length === 2, 'the message')
    server.clock.set(seconds)
    await beats()
    hold.open()
    expect((await rest(run)).status).toBe('completed')
    server.clock.set(-seconds)
  },
)

test.each([3600, -3600])(
  'a run in progress expires after its ten minutes when the clock was set by %d seconds',
  async (seconds) => {
    const hold = gate()
    server.model.script([{ text: ['No', 'on'], hold: hold.promise }])
    const run = await start(await place())
    await eventually(async () => (await messages({ id: run.thread_id })).data.length === 2, 'the message')
    server.clock.set(seconds)
    server.clock.advance(599)
    await beats()
    expect((await get(`/threads/${run.thread_id}/runs/${run.id}`)).status).toBe('in_progress')
    server.clock.advance(1)
    expect((await reach(run, 'expired')).expires_at).toBe(run.expires_at)
    hold.open()
    server.clock.set(-seconds)
  },
)

/** Resolves after two heartbeats, so that the worker has compared its runs with the clock. */
async function beats() {
  const leases = () => server.db.query({ text: 'select expires_at::text from workers order by id' })
  for (const _ of [1, 2]) {
    const before = JSON.stringify(await leases())
    await eventually(async () => JSON.stringify(await leases()) !== before, 'a heartbeat')
  }
}
