import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Database, Queryable } from '../../src/database/database.ts'
import type { Context } from '../../src/domain/context.ts'
import { expireRuns } from '../../src/domain/runs.ts'
import { reserveSlot } from '../../src/runs/slots.ts'
import { ActiveRuns } from '../../src/engine/active-runs.ts'
import type { RunDependencies } from '../../src/engine/execute-run.ts'
import { Heartbeat } from '../../src/engine/heartbeat.ts'
import { Hints } from '../../src/runs/hints.ts'
import { followedBy, next, requested } from '../../src/runs/next.ts'
import { writeTransition, type WrittenRun } from '../../src/runs/write-transition.ts'
import { RunWriter } from '../../src/runs/run-writer.ts'
import { RunLog } from '../../src/runs/run-log.ts'
import type { OwnedRun } from '../../src/runs/owned-run.ts'
import { WorkWriter } from '../../src/engine/work-writer.ts'
import { registerWorker, retireWorker } from '../../src/sql/leases.ts'
import { findRunRow } from '../../src/sql/runs.ts'
import { testClock } from '../harness/clock.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { facts, queuedRow } from '../harness/run-states.ts'
import { gate } from '../harness/stories.ts'

let database: TestDatabase
let context: Context
beforeEach(async () => {
  database = await testDatabase()
  const { db } = database
  const hints = new Hints({ shared: false })
  const runLog = new RunLog(db, hints)
  context = { db, hints, runLog, clock: testClock(), log: () => {}, modelBehind: () => 'p/m' } as never
})
afterEach(() => database.drop())

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** With these, the work on a run goes on until it is stopped. */
function waitingDependencies(): RunDependencies {
  const tool = {
    type: 'function',
    offer: async (_tool: object, _row: object, signal: AbortSignal) => untilAborted(signal),
  }
  return {
    ...context,
    models: { resolve: () => ({ provider: 'p', model: 'm' }) },
    tools: new Map([['function', tool]]),
    workWriter: new WorkWriter({ db: database.db, log: () => {}, isOn: () => false }),
  } as never
}

function claimedCreation() {
  const row = queuedRow()
  const tools = [{ type: 'function' as const, function: { name: 'f', parameters: {}, strict: false } }]
  const created = requested({ ...row, deadline: 9e9, settings: { ...row.settings, tools } })
  return { transition: followedBy(created, facts.claimed), created: {} }
}

async function claimedRun(): Promise<WrittenRun> {
  return writeTransition(database.db, 'new', claimedCreation().transition, { notifications: [] })
}

/** Runs of worker_1, and those that it has opened. */
function activeRuns(): { runs: ActiveRuns; opened: OwnedRun[] } {
  const opened: OwnedRun[] = []
  const writer = new RunWriter({ ...context, isConfirmed: () => true })
  const { open, create } = {
    open: (...parts: Parameters<RunWriter['open']>) => {
      const run = writer.open(...parts)
      opened.push(run)
      return run
    },
    create: (...parts: Parameters<RunWriter['create']>) => {
      const created = writer.create(...parts)
      opened.push(created.run)
      return created
    },
  }
  const runs = new ActiveRuns({
    dependencies: waitingDependencies(),
    writer: { open, create, creator: writer.creator } as never,
    worker: 'worker_1',
    modelBehind: context.modelBehind,
    onEnd: () => {},
  })
  return { runs, opened }
}

test('a run is not lost by a heartbeat that was sent before it started, and is by a later one', async () => {
  const { runs, opened } = activeRuns()
  const sentBefore = performance.now()
  await runs.start(await claimedRun(), performance.now())
  await runs.compare([], sentBefore)
  expect(opened[0]?.lost.aborted).toBe(false)
  await runs.compare([], performance.now() + 1)
  expect(opened[0]?.lost.aborted).toBe(true)
  await runs.ended()
})

test('a creation that is known after the recovery of its run does not replace the newer attempt', async () => {
  const { runs, opened } = activeRuns()
  const written = await claimedRun()
  const again = next(written.state, { ...facts.recovered, worker: 'worker_1' })
  await runs.start(
    await writeTransition(database.db, 'locked', again, { notifications: [] }),
    performance.now(),
  )
  await runs.start(written, performance.now())
  expect(opened.map(({ row, lost }) => [row.attempt, lost.aborted])).toEqual([[2, false]])
  opened[0]?.lose()
  await runs.ended()
})

const recoveredElsewhere = { text: `update runs set lease_owner = 'worker_2', attempt = attempt + 1` }
const endedElsewhere = {
  text: `update runs set lease_owner = null, attempt = attempt + 1, status = 'completed'`,
}
const released = { text: 'update runs set lease_owner = null' }

test.each([recoveredElsewhere, endedElsewhere, released])(
  'a run whose late creation is known after this is not started: $text',
  async (statement) => {
    const { runs, opened } = activeRuns()
    const written = await claimedRun()
    await database.db.query(statement)
    await runs.start(written, performance.now() - 5000)
    expect(opened).toEqual([])
    expect(runs.size).toBe(0)
  },
)

test('a run whose late creation is known while this worker still owns it is started', async () => {
  const { runs, opened } = activeRuns()
  await runs.start(await claimedRun(), performance.now() - 5000)
  expect(opened).toHaveLength(1)
  opened[0]?.lose()
  await runs.ended()
})

test('of a run that was recovered before its own creation was known, nothing is emitted here', async () => {
  const { runs, opened } = activeRuns()
  const { transition, created } = claimedCreation()
  const clock = vi.spyOn(performance, 'now')
  const query = database.db.query.bind(database.db)
  vi.spyOn(database.db, 'query').mockImplementation(async (statement) => {
    const rows = await query(statement)
    if (statement.name === 'write_runs') {
      await query(endedElsewhere)
      const late = performance.now() + 5000
      clock.mockImplementation(() => late)
    }
    return rows as never
  })
  await runs.create(transition, created, new AbortController().signal)
  vi.restoreAllMocks()
  expect(opened.map(({ feed }) => [feed.state, feed.confirmed])).toEqual([['lost', 0]])
  await runs.ended()
})

test('a run without work is released at the second heartbeat that finds it: at the first it may be about to start', async () => {
  const { runs } = activeRuns()
  const { row } = (await claimedRun()).state
  const owner = async () => (await findRunRow(database.db, row))?.lease_owner
  await runs.compare([row], performance.now())
  expect(await owner()).toBe('worker_1')
  await runs.compare([row], performance.now())
  expect(await owner()).toBeNull()
})

/** A heartbeat whose query number n, counted from 1, is sent to the database after `before(n)` has resolved. */
function slowHeartbeat(before: (query: number) => Promise<void>): Heartbeat {
  const { db } = database
  let queries = 0
  const slow: Database = {
    query: (statement) => db.query(statement),
    transaction: (work) => db.transaction(work),
    listen: (...parts) => db.listen(...parts),
    dedicated: async () => {
      const connection = await db.dedicated()
      const query: Queryable['query'] = async (statement) => {
        queries += 1
        await before(queries)
        return connection.query(statement)
      }
      return { query, close: () => connection.close() }
    },
    close: () => db.close(),
  }
  return new Heartbeat({ db: slow, worker: 'worker_1', log: () => {}, onBeat: () => {} })
}

test('a lease is unconfirmed while the heartbeat gets no answer, and confirmed again after an answer', async () => {
  const answers = gate()
  const heartbeat = slowHeartbeat(() => answers.promise)
  await heartbeat.start()
  expect(heartbeat.isConfirmed()).toBe(true)
  await expect.poll(() => heartbeat.isConfirmed()).toBe(false)
  const confirmed = heartbeat.confirmed(new AbortController().signal)
  answers.open()
  await confirmed
  expect(heartbeat.isConfirmed()).toBe(true)
  await heartbeat.stop()
})

test('a late answer to a heartbeat does not confirm the lease', async () => {
  const [late, second, end] = [gate(), gate(), gate()]
  const heartbeat = slowHeartbeat((query) => {
    if (query === 2) second.open()
    return (query === 1 ? late : end).promise
  })
  await heartbeat.start()
  await expect.poll(() => heartbeat.isConfirmed()).toBe(false)
  late.open()
  await second.promise
  expect(heartbeat.isConfirmed()).toBe(false)
  end.open()
  await heartbeat.stop()
})

test('a run whose owner was lost while it was cancelling ends as cancelled, not as expired', async () => {
  const { id, project, thread_id } = queuedRow()
  const { state } = await claimedRun()
  await writeTransition(database.db, 'locked', next(state, facts.cancelRequested), { notifications: [] })
  expect(await expireRuns(context)).toBe(1)
  expect((await findRunRow(database.db, { id, project, thread_id }))?.status).toBe('cancelled')
})

test('a worker that stops releases its runs: their recovery counts no loss', async () => {
  const { db } = database
  await registerWorker(db, 'worker_1')
  const { state } = await claimedRun()
  await retireWorker(db, 'worker_1')
  const row = await findRunRow(db, state.row)
  expect(row).toMatchObject({ status: 'in_progress', lease_owner: null })
  const again = next({ ...state, row: row ?? state.row }, facts.recovered).state.row
  expect([again.attempt, again.recoveries, again.losses]).toEqual([2, 0, 0])
})

test('a slot is released when another process has the Python session of the thread', async () => {
  await database.db.query({
    text: `with other as (insert into workers (id, expires_at) values ('worker_2', 'infinity'))
           insert into threads (id, project, created_at, metadata, tool_resources, session_worker)
           values ('thread_1', 'default', 1, '{}', '{}', 'worker_2')`,
  })
  let released = 0
  const slot = { worker: 'worker_1', start: () => {}, release: () => (released += 1) }
  const slots = { reserve: () => slot } as never
  const shared = { ...context, slots, hints: new Hints({ shared: true }) }
  expect(await reserveSlot(shared, 'thread_1')).toBeUndefined()
  expect(released).toBe(1)
  expect(await reserveSlot(shared, 'thread_2')).toBe(slot)
})
