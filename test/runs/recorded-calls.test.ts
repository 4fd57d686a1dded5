import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories } from '../harness/stories.ts'
import { storeOf } from '../harness/vector-stores.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterAll(() => server.close())

const { place, start, reach, messages } = stories(() => server)

test('calls are in the database before the first tool runs', async () => {
  const store = await storeOf(server, { 'towns.txt': 'The lighthouse of Lindau is 33 metres high.' })
  const where = await place({
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  const [ask, locked, free] = [gate(), gate(), gate()]
  server.model.script([
    { calls: [{ name: 'file_search', arguments: '{"queries":["lighthouse"]}' }], before: ask.promise },
    { text: '33 metres.' },
  ])
  const searches = server.model.others.length
  const run = await reach(await start(where), 'in_progress')
  const holding = server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from runs where id = $1 for update', values: [run.id] })
    locked.open()
    await free.promise
  })
  await locked.promise
  ask.open()
  // The calls cannot be written while the row is locked, so the search must wait.
  await eventually(async () => {
    const waiting = await server.db.query({
      text: `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    })
    return waiting.length > 0 && server.model.open() === 0
  }, 'the write that waits')
  await messages(where.thread)
  expect(server.model.others.length).toBe(searches)
  free.open()
  await holding
  await reach(run, 'completed')
  expect(server.model.others.length).toBeGreaterThan(searches)
})
