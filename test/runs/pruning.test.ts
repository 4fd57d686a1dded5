import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { readStream } from '../harness/read-stream.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { runLogDays: 2 } })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { get, place, start, runToRest, reach, messages } = stories(() => server)

const daySeconds = 24 * 60 * 60

async function logRows(run: any): Promise<number> {
  const rows = await server.db.query({
    text: 'select 1 from run_events where run_id = $1',
    values: [run.id],
  })
  return rows.length
}

async function replay(run: any): Promise<string[]> {
  const response = await fetch(`${server.url}/threads/${run.thread_id}/runs/${run.id}/events`, {
    headers: { authorization: 'Bearer test-key', 'openai-beta': 'assistants=v2' },
  })
  return (await readStream(response)).map(({ event }) => event)
}

test('the log of an ended run is deleted after the set days, and the run and its messages stay', async () => {
  server.model.script([{ text: 'Hi' }, { text: 'Hi' }])
  const old = await runToRest(await place())
  server.clock.advance(daySeconds)
  const recent = await runToRest(await place())
  server.clock.advance(daySeconds + 1)
  await eventually(async () => (await logRows(old)) === 0, 'the deletion of the old log')
  expect(await replay(old)).toEqual(['done'])
  expect((await replay(recent)).at(-2)).toBe('thread.run.completed')
  expect((await get(`/threads/${old.thread_id}/runs/${old.id}`)).status).toBe('completed')
  expect((await messages({ id: old.thread_id })).data).toHaveLength(2)
})

test('the log of a run that has not ended is kept at any age', async () => {
  const hold = gate()
  server.model.script([{ text: 'Hi' }, { text: ['Hel', 'lo'], hold: hold.promise }])
  const ended = await runToRest(await place())
  const run = await reach(await start(await place()), 'in_progress')
  await server.db.query({
    text: 'update runs set created_at = 1 where id = any($1)',
    values: [[ended.id, run.id]],
  })
  await eventually(async () => (await logRows(ended)) === 0, 'the deletion of the old log')
  hold.open()
  await reach(run, 'completed')
  const [row] = await server.db.query<{ has_log: boolean }>({
    text: 'select has_log from runs where id = $1',
    values: [ended.id],
  })
  expect(row?.has_log).toBe(false)
})
