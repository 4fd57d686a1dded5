import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Creator } from '../../src/runs/run-creator.ts'
import { DatabaseUnavailable } from '../../src/database/database.ts'
import { followedBy, requested } from '../../src/runs/next.ts'
import { StaleAssistant, writeOf } from '../../src/runs/write-transition.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { facts, queuedRow } from '../harness/run-states.ts'
import { cutConnection, statementsBy } from '../harness/statements.ts'

let database: TestDatabase

beforeEach(async () => {
  database = await testDatabase()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await database.drop()
})

/** The write of a new run on a new thread. */
function newRun(id: string, assistantVersion?: string) {
  const thread = {
    id: `thread_${id}`,
    object: 'thread' as const,
    created_at: 1,
    metadata: {},
    tool_resources: {},
  }
  const row = { ...queuedRow(), id, thread_id: thread.id }
  return writeOf('new', followedBy(requested(row), facts.claimed), { thread, assistantVersion })
}

async function created(): Promise<unknown[]> {
  return database.db.query({
    text: 'select r.id from runs r join threads t on t.id = r.thread_id order by r.id',
  })
}

test('runs that are created at once are created by one statement', async () => {
  const creator = new Creator(database.db)
  const sent = vi.spyOn(pg.Client.prototype, 'query')
  await Promise.all(['run_1', 'run_2', 'run_3'].map((id) => creator.create(newRun(id))))
  expect(sent).toHaveBeenCalledTimes(1)
  expect(await created()).toEqual([{ id: 'run_1' }, { id: 'run_2' }, { id: 'run_3' }])
})

test('a run that the database refuses, or whose assistant has changed, does not stop those created with it', async () => {
  const creator = new Creator(database.db)
  await creator.create(newRun('run_1'))
  const results = await Promise.allSettled([
    creator.create(newRun('run_1')),
    creator.create(newRun('run_2', 'another version')),
    creator.create(newRun('run_3')),
  ])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
  expect(results[1]).toMatchObject({ reason: new StaleAssistant() })
  expect(await created()).toEqual([{ id: 'run_1' }, { id: 'run_3' }])
  expect(await database.db.query({ text: `select id from threads where id = 'thread_run_2'` })).toEqual([])
})

/** The connections of the next creations are cut before their statement, or after it and what is done then. */
function cutNext(...cuts: ('before' | (() => Promise<unknown>))[]): void {
  statementsBy(async ({ name }, execute) => {
    const cut = name === 'write_runs' ? cuts.shift() : undefined
    const result = cut === 'before' ? undefined : await execute()
    if (typeof cut === 'function') await cut()
    if (cut) throw cutConnection()
    return result
  })
}

test('runs whose connection is cut while they are created exist once, and their requests succeed', async () => {
  const creator = new Creator(database.db)
  const ids = ['run_1', 'run_2', 'run_3']
  cutNext('before', async () => {}, 'before')
  await Promise.all(ids.map((id) => creator.create(newRun(id))))
  expect(await created()).toEqual(ids.map((id) => ({ id })))
})

test('a run that was created before the cut counts as created, also when its assistant has changed since', async () => {
  const creator = new Creator(database.db)
  await database.db.query({
    text: `insert into assistants (id, project, created_at, body) values ('asst_1', 'default', 1, '{}')`,
  })
  const [{ version } = { version: '' }] = await database.db.query<{ version: string }>({
    text: `select xmin::text as version from assistants`,
  })
  const write = newRun('run_1', version)
  Object.assign(write.row, { assistant_id: 'asst_1', project: 'default' })
  cutNext(() => database.db.query({ text: `update assistants set body = '{"name":"new"}'` }))
  const writes = [write, newRun('run_2', 'another version')]
  const results = await Promise.allSettled(writes.map((one) => creator.create(one)))
  expect(results).toMatchObject([{ status: 'fulfilled' }, { reason: new StaleAssistant() }])
  expect(await created()).toEqual([{ id: 'run_1' }])
})

test('a creation that finds no connection fails at once, and those that wait behind it too', async () => {
  const creator = new Creator(database.db)
  const connecting = vi.spyOn(pg.Pool.prototype, 'connect')
  connecting.mockRejectedValue(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) as never)
  const ids = Array.from({ length: 50 }, (_, index) => `run_${index}`)
  const results = await Promise.allSettled(ids.map((id) => creator.create(newRun(id))))
  for (const result of results) expect(result).toMatchObject({ reason: expect.any(DatabaseUnavailable) })
  expect(connecting).toHaveBeenCalledTimes(1)
})
