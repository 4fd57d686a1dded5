import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'

let database: TestDatabase
let db: Database
let logged: string[]
beforeEach(async () => {
  logged = []
  database = await testDatabase({
    from: 'empty',
    log: (level, message) => logged.push(`${level}: ${message}`),
  })
  db = database.db
})
afterEach(() => database.drop())

const notify = (channel: string, payload: string) =>
  db.query({ text: 'select pg_notify($1, $2)', values: [channel, payload] })

/** Kills every connection of this database that listens. */
const killListeners = () =>
  db.query({
    text: `select pg_terminate_backend(pid, 5000) from pg_stat_activity
           where datname = current_database() and query like 'listen %'`,
  })

test('a listener gets the notifications of its channel after commit, and no others', async () => {
  const received: string[] = []
  const stop = await db.listen(
    'runs',
    (payload) => received.push(payload),
    () => undefined,
  )
  await db.transaction((tx) => tx.query({ text: `select pg_notify('runs', 'one')` }))
  await db
    .transaction(async (tx) => {
      await tx.query({ text: `select pg_notify('runs', 'taken back')` })
      throw new Error('no')
    })
    .catch(() => undefined)
  await notify('others', 'x')
  await notify('runs', 'two')
  await expect.poll(() => received).toEqual(['one', 'two'])
  await stop()
})

test('a channel may have any name', async () => {
  const received: string[] = []
  const name = 'Odd "name"; drop table x'
  const stop = await db.listen(
    name,
    (payload) => received.push(payload),
    () => undefined,
  )
  await notify(name, 'yes')
  await expect.poll(() => received).toEqual(['yes'])
  await stop()
})

test('a killed listener reconnects before it reports the gap, each time', async () => {
  const received: string[] = []
  let reconnects = 0
  // A notification that is sent within onReconnect reaches only a connection that listens already.
  const onReconnect = () => {
    reconnects += 1
    void notify('runs', `after ${reconnects}`)
  }
  const stop = await db.listen('runs', (payload) => received.push(payload), onReconnect)
  for (const round of [1, 2, 3]) {
    await killListeners()
    await expect.poll(() => received).toContain(`after ${round}`)
  }
  expect(reconnects).toBe(3)
  expect(logged).toContain('warn: the connection that listens for notifications was lost')
  await stop()
})

test('a stopped listener gets nothing and has no connection', async () => {
  const received: string[] = []
  const stop = await db.listen(
    'runs',
    (payload) => received.push(payload),
    () => received.push('reconnected'),
  )
  await stop()
  const others = `select count(*) as n from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid() and query like 'listen %'`
  await expect.poll(() => db.query({ text: others })).toEqual([{ n: 0 }])
  await notify('runs', 'x')
  expect(received).toEqual([])
})

test('a listener can stop while it is being reconnected', async () => {
  const stop = await db.listen(
    'runs',
    () => undefined,
    () => undefined,
  )
  await killListeners()
  await stop()
  expect(await db.query({ text: 'select 1 as n' })).toEqual([{ n: 1 }])
})

test('a listener that throws still gets notifications, and the error is logged', async () => {
  const received: string[] = []
  const stop = await db.listen(
    'runs',
    (payload) => {
      received.push(payload)
      throw new Error('wrong')
    },
    () => undefined,
  )
  await notify('runs', 'one')
  await notify('runs', 'two')
  await expect.poll(() => received).toEqual(['one', 'two'])
  expect(logged).toEqual(Array(2).fill('error: a listener for notifications threw'))
  await stop()
})
