import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseUnavailable, type Database, type Statement } from '../../src/database/database.ts'
import { executeRun } from '../../src/engine/execute-run.ts'
import { Hints } from '../../src/runs/hints.ts'
import { followedBy, next, requested } from '../../src/runs/next.ts'
import { writeTransition } from '../../src/runs/write-transition.ts'
import { RunWriter } from '../../src/runs/run-writer.ts'
import { RunLog } from '../../src/runs/run-log.ts'
import type { OwnedRun } from '../../src/runs/owned-run.ts'
import { readEvents } from '../../src/sql/run-events.ts'
import { writeRuns } from '../../src/sql/run-writes.ts'
import { updateRunMetadata } from '../../src/sql/runs.ts'
import { testClock } from '../harness/clock.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { facts, queuedRow } from '../harness/run-states.ts'
import { timeTool } from '../harness/stories.ts'

const runKey = { project: 'default', thread_id: 'thread_1', id: 'run_1' }

let database: TestDatabase
/** Called before each statement that writes runs; the returned function is called before its answer is read. */
let onWrite: (name: string) => (() => Promise<void>) | undefined
let writer: RunWriter
let run: OwnedRun

beforeEach(async () => {
  database = await testDatabase()
  onWrite = () => undefined
  const hints = new Hints({ shared: false })
  const runLog = new RunLog(database.db, hints)
  const parts = { hints, runLog, clock: testClock(), log: () => {}, isConfirmed: () => true }
  writer = new RunWriter({ ...parts, db: watched(database.db) })
  const created = followedBy(requested(queuedRow()), facts.claimed)
  const { state, events } = await writeTransition(database.db, 'new', created, { notifications: [] })
  run = writer.open(state, events)
})
afterEach(() => database.drop())

function watched(db: Database): Database {
  return {
    query: async <Row extends object>(statement: Statement) => {
      const { name = '' } = statement
      const after = name === 'write_runs' || name === 'append_events' ? onWrite(name) : undefined
      const rows = await db.query<Row>(statement)
      await after?.()
      return rows
    },
    transaction: (work) => db.transaction(work),
    listen: (...parts) => db.listen(...parts),
    dedicated: () => db.dedicated(),
    close: () => db.close(),
  }
}

/** The next write is committed, and its answer is lost. */
function loseNextAnswer(meanwhile: () => Promise<unknown> = async () => {}): void {
  let isLost = false
  onWrite = () => {
    if (isLost) return undefined
    isLost = true
    return async () => {
      await meanwhile()
      throw new DatabaseUnavailable('The connection was cut')
    }
  }
}

async function logged(): Promise<string[]> {
  const entries = await readEvents(database.db, 'run_1', 0)
  expect(entries.map(({ number }) => number)).toEqual(entries.map((_, index) => index + 1))
  return entries.map(({ event }) => event)
}

/** What listeners got since the claim. */
function emitted(): string[] {
  const entries = run.feed.read(0)
  return entries === 'behind' ? [] : entries.map(({ event }) => event)
}

const whole = [
  'thread.run.created',
  'thread.run.queued',
  'thread.run.in_progress',
  'thread.run.step.created',
  'thread.run.step.in_progress',
  'thread.message.created',
  'thread.message.in_progress',
  'thread.message.delta',
  'thread.message.completed',
  'thread.run.step.completed',
  'thread.run.completed',
]

test('a write that was committed although its answer was lost is not repeated', async () => {
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  loseNextAnswer()
  expect(await run.flush()).toBe('written')
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect(await logged()).toEqual(whole)
  expect(emitted()).toEqual(whole)
})

test('the end of a run that was committed although its answer was lost is not repeated', async () => {
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  loseNextAnswer()
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect(await logged()).toEqual(whole)
  expect(emitted()).toEqual(whole)
  expect(run.feed.state).toBe('ended')
})

test('the row is read again when a user changed it while the answer was lost', async () => {
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  loseNextAnswer(() => updateRunMetadata(database.db, runKey, { changed: 'yes' }))
  expect(await run.flush()).toBe('written')
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect(await logged()).toEqual(whole)
  const last = (await readEvents(database.db, 'run_1', whole.length - 1))[0]
  expect(JSON.parse(last?.data ?? '{}').metadata).toEqual({ changed: 'yes' })
})

test('what listeners have seen of a refused write, and since then, is not sent to them again', async () => {
  await updateRunMetadata(database.db, runKey, { changed: 'yes' })
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  let isRefused = false
  onWrite = () => async () => {
    if (!isRefused) run.apply(facts.piece)
    isRefused = true
  }
  await run.flush()
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect((await logged()).filter((event) => event === 'thread.message.delta')).toHaveLength(2)
  expect(emitted()).toEqual(await logged())
})

test('a cancel that another process wrote while the answer was lost reaches the listeners', async () => {
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  loseNextAnswer(() =>
    writeTransition(database.db, 'locked', next(run.state, facts.cancelRequested), { notifications: [] }),
  )
  expect(await run.flush()).toBe('written')
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect((await logged()).slice(8)).toEqual([
    'thread.run.cancelling',
    'thread.message.incomplete',
    'thread.run.step.cancelled',
    'thread.run.cancelled',
  ])
  expect(emitted()).toEqual(await logged())
})

test('a change of status that comes while an earlier write is refused is not lost', async () => {
  await updateRunMetadata(database.db, runKey, { changed: 'yes' })
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  let changing: Promise<string> | undefined
  onWrite = () => async () => {
    changing ??= run.changeStatus(facts.turnCompletes)
  }
  await run.flush()
  expect(await changing).toBe('written')
  expect(await logged()).toEqual(whole)
})

test('an early event after one that waits for its commit waits too', async () => {
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  expect(emitted()).toEqual(whole.slice(0, 8))
  run.apply(facts.callBegan)
  expect(emitted()).toEqual(whole.slice(0, 8))
  await run.flush()
  const all = [...whole.slice(0, 10), ...whole.slice(3, 5), 'thread.run.step.delta']
  expect(emitted()).toEqual(all)
  expect(await logged()).toEqual(all)
  run.lose()
})

test('a change of status that is not possible is refused and leaves the run as it is', async () => {
  await expect(run.changeStatus(facts.submitted)).rejects.toThrow(
    'not possible for a run that is in_progress',
  )
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect(await logged()).toEqual(whole)
})

test('an owner that was replaced writes nothing and closes what its listeners saw', async () => {
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  await database.db.query({
    text: `update runs set attempt = 2, lease_owner = 'worker_2' where id = 'run_1'`,
  })
  expect(await run.changeStatus(facts.turnCompletes)).toBe('lost')
  expect(await logged()).toEqual(whole.slice(0, 3))
  expect(emitted().slice(8)).toEqual(['thread.message.incomplete', 'thread.run.step.failed'])
})

test.each([
  ['an open message', [facts.messageBegan, facts.piece]],
  ['open calls', [facts.callBegan]],
])(
  '%s in the database: a lost owner leaves it to the next one to close it for the listeners',
  async (_, apply) => {
    for (const fact of apply) run.apply(fact)
    await run.flush()
    const before = emitted()
    run.lose()
    expect(emitted()).toEqual(before)
  },
)

test('calls that a run was recovered with are not closed for the listeners when its owner is lost', async () => {
  run.apply(facts.callBegan)
  run.apply(facts.callsRecorded)
  await run.flush()
  const { state } = run
  run.lose()
  run = writer.open(state, [])
  run.lose()
  expect(emitted()).toEqual([])
})

test('a write of a former owner removes no message and no step', async () => {
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  await run.flush()
  const { attempt, revision, writes } = run.row
  const fence = { lease_owner: 'worker_2', attempt, revision, writes }
  const nothing = { events: [], steps: [], messages: [] }
  const write = { fence, row: run.row, ...nothing, removed: ['msg_1', 'step_1'] }
  expect([...(await writeRuns(database.db, [write], []))]).toEqual([])
  const ids = await database.db.query({
    text: 'select id from messages union select id from run_steps order by id',
  })
  expect(ids).toEqual([{ id: 'msg_1' }, { id: 'step_1' }])
  run.lose()
})

/** The message of the run is in the database, and a piece of it waits to be written. Returns the names of the writes since. */
async function withPiece(): Promise<string[]> {
  run.apply(facts.messageBegan)
  await run.flush()
  run.apply(facts.piece)
  const names: string[] = []
  const before = onWrite
  onWrite = (name) => {
    names.push(name)
    return before(name)
  }
  return names
}

test('a write of events alone does not write the row', async () => {
  const names = await withPiece()
  expect(await run.flush()).toBe('written')
  run.apply(facts.piece)
  expect(await run.flush()).toBe('written')
  expect(names).toEqual(['append_events', 'append_events'])
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect((await logged()).filter((event) => event === 'thread.message.delta')).toHaveLength(2)
  expect(emitted()).toEqual(await logged())
})

test('events that were committed although the answer was lost are not appended again', async () => {
  await withPiece()
  loseNextAnswer()
  expect(await run.flush()).toBe('written')
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect(await logged()).toEqual(whole)
  expect(emitted()).toEqual(whole)
})

test('events are appended after a change of the row by a user, which later events show', async () => {
  await withPiece()
  await updateRunMetadata(database.db, runKey, { changed: 'yes' })
  expect(await run.flush()).toBe('written')
  expect(await run.changeStatus(facts.turnCompletes)).toBe('written')
  expect(await logged()).toEqual(whole)
  const last = (await readEvents(database.db, 'run_1', whole.length - 1))[0]
  expect(JSON.parse(last?.data ?? '{}').metadata).toEqual({ changed: 'yes' })
})

test.each([
  ['another worker', `attempt = 2, lease_owner = 'worker_2'`],
  ['the same worker', 'attempt = 2'],
  ['nobody, because the run has ended', `status = 'expired', lease_owner = null`],
])('an owner whose run now belongs to %s appends nothing', async (_, change) => {
  await withPiece()
  await database.db.query({ text: `update runs set ${change} where id = 'run_1'` })
  expect(await run.flush()).toBe('lost')
  expect(await logged()).toEqual(whole.slice(0, 7))
})

test('an addition to the trace is written with the next events, also when it came during a write', async () => {
  const trace = async () =>
    (await database.db.query<{ trace: { kind: string }[] }>({ text: 'select trace from runs' }))[0]?.trace
  await withPiece()
  run.trace({ at: 1, kind: 'first' })
  onWrite = () => {
    onWrite = () => undefined
    return async () => run.trace({ at: 1, kind: 'second' })
  }
  await run.flush()
  expect((await trace())?.map(({ kind }) => kind)).toEqual(['first'])
  run.apply(facts.piece)
  await run.flush()
  expect((await trace())?.map(({ kind }) => kind)).toEqual(['first', 'second'])
  run.lose()
})

test('a write that fails in any way loses its run and no other', async () => {
  onWrite = () => {
    throw new TypeError('out of order')
  }
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  expect(await run.changeStatus(facts.turnCompletes)).toBe('lost')
  expect(run.lost.aborted).toBe(true)
  expect(await logged()).toEqual(whole.slice(0, 3))
})

test('an early event that comes while events before it are being committed waits for them', async () => {
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  await run.flush()
  let seen: string[] | undefined
  onWrite = () => async () => {
    if (seen) return
    run.apply(facts.callGrew)
    seen = emitted()
  }
  run.apply(facts.callBegan)
  await run.flush()
  expect(seen).toEqual(whole.slice(0, 8))
  await run.flush()
  expect(emitted()).toEqual(await logged())
  run.lose()
})

test('an owner whose run was recovered by the same worker writes nothing under the earlier attempt', async () => {
  await database.db.query({ text: `update runs set attempt = 2 where id = 'run_1'` })
  run.apply(facts.messageBegan)
  run.apply(facts.piece)
  expect(await run.changeStatus(facts.turnCompletes)).toBe('lost')
  expect(await logged()).toEqual(whole.slice(0, 3))
})

test('a run is not failed by a tool that needs an unavailable database: it can be recovered', async () => {
  run.row.settings.tools = [timeTool as any]
  const offer = () => Promise.reject(new DatabaseUnavailable('The connection was cut'))
  const dependencies = {
    db: database.db,
    clock: testClock(),
    log: () => {},
    models: { resolve: () => ({ provider: 'scripted', model: 'gpt-4o' }) },
    tools: new Map([['function', { type: 'function', offer }]]),
    workWriter: { isOn: false, save: () => {} },
  }
  await executeRun(dependencies as any, run, new AbortController().signal)
  expect(run.lost.aborted).toBe(true)
  expect(await logged()).toEqual(whole.slice(0, 3))
})
