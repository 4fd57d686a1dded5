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
