import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DatabaseUnavailable } from '../../src/database/database.ts'
import { Hints, type Hint } from '../../src/runs/hints.ts'
import { eventually } from '../harness/stories.ts'
import { testServer } from '../harness/server.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await testDatabase()
})
afterEach(() => database.drop())

test('a hint about more runs than one notification can name reaches the other processes', async () => {
  const [here, elsewhere] = [new Hints({ shared: true }), new Hints({ shared: true })]
  const received: Hint[] = []
  await elsewhere.start(database.db, () => {})
  elsewhere.subscribe((hint) => received.push(hint))
  const run_ids = Array.from({ length: 400 }, (_, index) => `run_${index}`.padEnd(28, 'x'))
  await database.db.transaction((tx) => here.announce(tx, { kind: 'log', run_ids }))
  await database.db.transaction((tx) => here.announce(tx, { kind: 'log', run_ids: run_ids.slice(0, 3) }))
  await eventually(() => received.length === 2, 'both hints')
  expect(received).toEqual([{ kind: 'all' }, { kind: 'log', run_ids: run_ids.slice(0, 3) }])
  await elsewhere.close()
})

test('a process whose database refuses LISTEN starts, says so, and streams runs of another process', async () => {
  const server = await testServer()
  const { query } = pg.Client.prototype as { query: (this: void, ...args: unknown[]) => Promise<unknown> }
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(async function (
    this: pg.Client,
    ...args: unknown[]
  ) {
    if (String(args[0]).startsWith('listen ')) throw new Error('LISTEN is not supported')
    return Reflect.apply(query, this, args)
  } as never)
  const other = await server.sibling({ roles: new Set(['api']) })
  vi.restoreAllMocks()
  const complaints = server.complaints.splice(0)
  expect(complaints.map(({ message }) => message)).toEqual([
    'the database refuses LISTEN: changes by other processes are noticed once a second',
  ])
  const { id } = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  server.model.script([{ text: 'Hello!' }])
  const thread = { messages: [{ role: 'user' as const, content: 'Hello?' }] }
  const events: string[] = []
  const stream = await other.openai.beta.threads.createAndRun({ assistant_id: id, thread, stream: true })
  for await (const { event } of stream) events.push(event)
  expect(events).toContain('thread.run.completed')
  await server.close()
})

test('a process whose database is unavailable when it starts to listen says so, and listens soon', async () => {
  const hints = new Hints({ shared: true })
  const problems: string[] = []
  const listen = () => Promise.reject(new DatabaseUnavailable('The connection was cut'))
  await hints.start({ ...database.db, listen }, (_, message) => problems.push(message))
  await hints.close()
  expect(problems).toEqual([
    'the database is unavailable for LISTEN: changes by other processes are noticed once a second',
  ])
})
