import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Creator } from '../../src/runs/creator.ts'
import { followedBy, requested } from '../../src/runs/next.ts'
import { StaleAssistant, writeOf } from '../../src/runs/write-transition.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { facts, queuedRow } from '../harness/run-states.ts'

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
