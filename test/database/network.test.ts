import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseUnavailable, type Database } from '../../src/database/database.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { databaseProxy, type DatabaseProxy } from '../harness/database-proxy.ts'

let database: TestDatabase
let proxy: DatabaseProxy
let db: Database
beforeEach(async () => {
  database = await testDatabase({ from: 'empty' })
  proxy = await databaseProxy(database.url)
  db = connectPostgres({ connectionString: proxy.url, max: 4, timeoutMs: 3_000, log: () => undefined })
  await db.query({ text: 'create table notes (id int, words text)' })
})
afterEach(async () => {
  proxy.reset()
  await db.close()
  await proxy.close()
  await database.drop()
})

const answer = () => db.query({ text: 'select 1 as n' })
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

test('over a silent network a statement, a transaction and a new connection fail as unavailable', async () => {
  const own = await db.dedicated()
  proxy.goSilent()
  const work = db.transaction(async (tx) => {
    await tx.query({ text: 'select 1' })
    await tx.query({ text: 'select 2' })
  })
  const failures = await Promise.all(
    [answer(), work, own.query({ text: 'select 1' }), db.dedicated()].map(failure),
  )
  for (const error of failures) expect(error).toBeInstanceOf(DatabaseUnavailable)
  proxy.heal()
  expect(await answer()).toEqual([{ n: 1 }])
})

test('more statements than connections fail all together, and the pool works again afterwards', async () => {
  proxy.goSilent()
  const failures = await Promise.all(Array.from({ length: 12 }, () => failure(answer())))
  for (const error of failures) expect(error).toBeInstanceOf(DatabaseUnavailable)
  proxy.heal()
  await Promise.all(Array.from({ length: 12 }, async () => expect(await answer()).toEqual([{ n: 1 }])))
})

test('connections that are reset in the middle of large writes fail their statements and nothing else', async () => {
  const large = 'x'.repeat(4 * 1024 * 1024)
  const insert = { text: 'insert into notes (words) values ($1)', values: [large] }
  let reconnects = 0
  const stop = await db.listen(
    'notes',
    () => undefined,
    () => (reconnects += 1),
  )
  for (const round of [1, 2, 3]) {
    proxy.resetAfter(1024 * 1024)
    const own = await db.dedicated()
    const works = [db.query(insert), db.transaction((tx) => tx.query(insert)), own.query(insert)]
    for (const error of await Promise.all(works.map(failure)))
      expect(error).toBeInstanceOf(DatabaseUnavailable)
    await own.close()
    proxy.resetAfter(Infinity)
    proxy.reset()
    await expect.poll(() => reconnects).toBe(round)
  }
  await stop()
  expect(await answer()).toEqual([{ n: 1 }])
})
