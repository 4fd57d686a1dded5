import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Queryable } from '../../src/database/database.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories, timeTool } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, start, reach, place, steps } = stories(() => server)

/** Names of the events that the log of a run holds. */
async function logged(run_id: string): Promise<string[]> {
  const rows = await server.db.query<{ entries: [string, unknown][] }>({
    text: 'select entries from run_events where run_id = $1 order by first',
    values: [run_id],
  })
  return rows.flatMap((row) => row.entries.map(([event]) => event))
}

const deltas = (names: string[]) => names.filter((name) => name === 'thread.message.delta').length

/** Holds the row of a run, so that nothing is written about it until the returned function is called. */
async function holdRow(
  run_id: string,
  work: (tx: Queryable) => Promise<void> = async () => {},
): Promise<() => Promise<void>> {
  const locked = gate()
  const free = gate()
  const holding = server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from runs where id = $1 for update', values: [run_id] })
    await work(tx)
    locked.open()
    await free.promise
  })
  await locked.promise
  return async () => {
    free.open()
    await holding
  }
}

test('after a write that took long, what is said next is written soon again', async () => {
  const [isHeld, hold] = [gate(), gate()]
  server.model.script([{ text: ['Hel', 'lo'], before: isHeld.promise, delayMs: 20, hold: hold.promise }])
  const run = await reach(await start(await place()), 'in_progress')
  const letGo = await holdRow(run.id)
  isHeld.open()
  const told = () => server.model.open() === 1
  await eventually(told, 'the answer of the model')
  // Longer than the pause between two writes: the next one falls due while the first is still on its way.
  await new Promise((resolve) => setTimeout(resolve, 300))
  await letGo()
  await eventually(async () => deltas(await logged(run.id)) === 2, 'the second delta in the log')
  hold.open()
  expect((await reach(run, 'completed')).status).toBe('completed')
})

/** As a process leaves it that dies while it works on the run: another one takes it over. */
async function orphan(run_id: string): Promise<void> {
  await server.db.query({
    text: `update runs set status = 'in_progress', required_action = null, lease_owner = 'worker_dead' where id = $1`,
    values: [run_id],
  })
}

test('a step that was taken over is closed where the run ends before the work on it goes on', async () => {
  const store = await post('/vector_stores', { expires_after: { anchor: 'last_active_at', days: 1 } })
  server.model.script([{ calls: [{ name: 'get_time', arguments: '{}' }] }])
  const where = await place({
    tools: [timeTool, { type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  const run = await reach(await start(where), 'requires_action')
  await server.db.query({ text: 'update vector_stores set expires_at = 1 where id = $1', values: [store.id] })
  await orphan(run.id)
  expect((await reach(run, 'failed')).last_error.message).toContain('has expired')
  expect((await steps(run)).data.map((step: any) => step.status)).toEqual(['failed'])
  expect(await logged(run.id)).toEqual(
    expect.arrayContaining(['thread.run.step.failed', 'thread.run.failed']),
  )
  expect(server.complaints.splice(0)).toMatchObject([{ message: 'a run failed' }])
})

test('a cancel that the owner finds by itself, before any hint of it, ends the run as cancelled', async () => {
  const [isCancelled, hold] = [gate(), gate()]
  server.model.script([{ text: ['Hel', 'lo'], before: isCancelled.promise, hold: hold.promise }])
  const run = await reach(await start(await place()), 'in_progress')
  const letGo = await holdRow(run.id, async (tx) => {
    await tx.query({
      text: `update runs set status = 'cancelling', revision = revision + 1 where id = $1`,
      values: [run.id],
    })
  })
  isCancelled.open()
  await eventually(() => server.model.open() === 1, 'the answer')
  await letGo()
  await eventually(async () => deltas(await logged(run.id)) === 2, 'the deltas in the log')
  hold.open()
  await reach(run, 'cancelled')
  expect((await steps(run)).data.map((step: any) => step.status)).toEqual(['cancelled'])
})

/** What the server notes about a run for its operator. */
const trace = (run: any) => server.request('GET', `/threads/${run.thread_id}/runs/${run.id}/trace`)

test('a run that is recovered three times without progress fails, and its trace says why', async () => {
  server.model.script(Array.from({ length: 4 }, () => ({ text: 'Hel', hold: new Promise(() => {}) })))
  const run = await start(await place())
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await eventually(async () => deltas(await logged(run.id)) === attempt, `the answer of attempt ${attempt}`)
    expect((await trace(run)).body.attempts).toBe(attempt)
    await orphan(run.id)
  }
  const failed = await reach(run, 'failed')
  expect(failed.last_error).toEqual({ code: 'server_error', message: 'Sorry, something went wrong.' })
  const { body } = await trace(run)
  expect(body.attempts).toBe(4)
  expect(JSON.stringify(body.data.at(-1))).toMatch(/3 times/)
})

test('a cancel whose hint was lost is obeyed while the model is silent', async () => {
  server.model.script([{ text: 'too late', before: new Promise(() => {}) }])
  const run = await start(await place())
  await eventually(() => server.model.requests.length > 0, 'the request to the model')
  await server.db.query({ text: `update runs set status = 'cancelling' where id = $1`, values: [run.id] })
  expect((await reach(run, 'cancelled')).cancelled_at).not.toBeNull()
})

test('a run whose rows the database refuses does not take along those written with it', async () => {
  await server.db.query({
    text: `alter table messages add constraint refuse_some check (content::text not like '%REFUSED%')`,
  })
  const open = gate()
  const answers = new Map([
    ['first', { text: ['a', 'b'], before: open.promise }],
    ['refused', { text: 'REFUSED', before: open.promise }],
    ['accepted', { text: 'fine', before: open.promise }],
  ])
  server.model.whenever((body) => {
    const { content } = body.messages.at(-1)
    const answer = answers.get(content) ?? { text: 'fine now' }
    answers.delete(content)
    return answer
  })
  const assistant = await post('/assistants', { model: 'gpt-4o' })
  const ask = (content: string) =>
    post('/threads/runs', {
      assistant_id: assistant.id,
      thread: { messages: [{ role: 'user', content }] },
    })
  const [first, refused, accepted] = [await ask('first'), await ask('refused'), await ask('accepted')]
  await eventually(() => answers.size === 0, 'three requests to the model')
  // While the write of the first run waits for this lock, what the two others do is collected for the next write.
  const release = await holdRow(first.id)
  const before = server.model.requests.length
  open.open()
  await eventually(() => server.model.open() === 0, 'the answers')
  // The server has had its turns: it answers requests that came later.
  for (const run of [refused, accepted]) await trace(run)
  await release()
  for (const run of [first, refused, accepted]) await reach(run, 'completed')
  expect((await trace(accepted)).body.attempts).toBe(1)
  expect((await trace(refused)).body.attempts).toBe(2)
  expect(server.model.requests.length).toBe(before + 1)
  server.model.whenever(undefined)
  await server.db.query({ text: 'alter table messages drop constraint refuse_some' })
  expect(server.complaints.splice(0)).toMatchObject([{ message: 'runs could not be written' }])
})
