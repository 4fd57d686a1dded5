import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { streamEvents } from '../harness/read-stream.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate, stories } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { start, reach, place } = stories(() => server)

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
async function holdRow(run_id: string): Promise<() => Promise<void>> {
  const locked = gate()
  const free = gate()
  const holding = server.db.transaction(async (tx) => {
    await tx.query({ text: 'select 1 from runs where id = $1 for update', values: [run_id] })
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
  await reach(run, 'completed')
})
