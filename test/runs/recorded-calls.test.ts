import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories } from '../harness/stories.ts'
import { storeOf } from '../harness/vector-stores.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterAll(() => server.close())

const { place, start, reach } = stories(() => server)

test('calls are in the database before the first tool runs', async () => {
  const store = await storeOf(server, { 'towns.txt': 'The lighthouse of Lindau is 33 metres high.' })
  const where = await place({
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  const hold = gate()
  server.model.holdEmbeddings(hold.promise)
  server.model.script([
    { calls: [{ name: 'file_search', arguments: '{"queries":["lighthouse"]}' }] },
    { text: '33 metres.' },
  ])
  const before = server.model.others.length
  const run = await start(where)
  await eventually(() => server.model.others.length > before, 'the search')
  const [step] = await server.db.query<{ turn: any }>({
    text: 'select turn from run_steps where run_id = $1',
    values: [run.id],
  })
  expect(step?.turn?.calls).toMatchObject([{ name: 'file_search', output: null }])
  hold.open()
  await reach(run, 'completed')
})
