import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseUnavailable, type Database, type Queryable } from '../../src/database/database.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { onServer, urlInDatabase } from '../harness/server-url.ts'

let database: TestDatabase
let db: Database
beforeEach(async () => {
  database = await testDatabase({ from: 'empty', poolSize: 2 })
  db = database.db
  await db.query({ text: 'create table notes (id int constraint one_note_per_id primary key, words text)' })
})
afterEach(() => database.drop())

const insert = (id: number) => ({
  name: 'insert note',
  text: 'insert into notes (id) values ($1)',
  values: [id],
})
const ids = async () =>
  (await db.query<{ id: number }>({ text: 'select id from notes order by id' })).map((row) => row.id)
const backend = async (on: Queryable) =>
  (await on.query<{ pid: number }>({ text: 'select pg_backend_pid() as pid' }))[0]!.pid
const terminate = (pid: number) => db.query({ text: 'select pg_terminate_backend($1)', values: [pid] })

async function failure(work: Promise<unknown>): Promise<any> {
  const outcome = await work.then(
    () => 'no error',
    (error: unknown) => error,
  )
  expect(outcome).toBeInstanceOf(Error)
  return outcome
}

test('counts, sums and lists of int8 are numbers', async () => {
  const text = 'select count(*) as n, sum(7)::int8 as total, array[1::int8, null, -3] as list from notes'
  expect(await db.query({ text })).toEqual([{ n: 0, total: null, list: [1, null, -3] }])
  expect(await db.query({ text: 'select 9007199254740991::int8 as largest' })).toEqual([
    { largest: 2 ** 53 - 1 },
  ])
})

test('an int8 that a number cannot hold exactly is an error and not another number', async () => {
  expect(await failure(db.query({ text: 'select 9007199254740993::int8 as n' }))).toBeInstanceOf(RangeError)
  expect(await ids()).toEqual([])
})

test('json and jsonb come back parsed', async () => {
  const text = `select '{"a":[1,null]}'::json as one, '"x"'::jsonb as two, null::jsonb as three`
  expect(await db.query({ text })).toEqual([{ one: { a: [1, null] }, two: 'x', three: null }])
})

test('a statement with a name is prepared once on its connection', async () => {
  const prepared = await db.transaction(async (tx) => {
    await tx.query(insert(1))
    await tx.query(insert(2))
    return tx.query({ text: `select statement from pg_prepared_statements where name = 'insert note'` })
  })
  expect(prepared).toEqual([{ statement: insert(1).text }])
})

test('a failed statement does not lose its connection', async () => {
  const single = connectPostgres({ connectionString: database.url, max: 1, log: () => undefined })
  const before = await backend(single)
  await failure(single.query({ text: 'select 1 / 0' }))
  expect(await backend(single)).toBe(before)
  await failure(single.transaction((tx) => tx.query({ text: 'select 1 / 0' })))
  expect(await backend(single)).toBe(before)
  await single.close()
})

test('a transaction commits its work and returns the result of the work', async () => {
  expect(await db.transaction(async (tx) => [await tx.query(insert(1)), await tx.query(insert(2))])).toEqual([
    [],
    [],
  ])
  expect(await ids()).toEqual([1, 2])
})

test('statements started together in a transaction run in that order', async () => {
  await db.transaction((tx) => Promise.all([1, 2, 3, 4].map((id) => tx.query(insert(id)))))
  const [row] = await db.query<{ cids: string }>({
    text: `select string_agg(id::text, ' ' order by ctid) as cids from notes`,
  })
  expect(row?.cids).toBe('1 2 3 4')
})

test('a transaction whose work throws is rolled back and rethrows', async () => {
  const wrong = new Error('no')
  const work = db.transaction(async (tx) => {
    await tx.query(insert(1))
    throw wrong
  })
  expect(await failure(work)).toBe(wrong)
  expect(await ids()).toEqual([])
})

test('a transaction that ignored the error of a statement is not reported as committed', async () => {
  const work = db.transaction(async (tx) => {
    await tx.query(insert(1))
    await tx.query({ text: 'select 1 / 0' }).catch(() => undefined)
  })
  expect((await failure(work)).message).toContain('rolled back')
  expect(await ids()).toEqual([])
})

test('a statement after the end of its transaction is refused', async () => {
  let late: Queryable | undefined
  await db.transaction(async (tx) => {
    late = tx
  })
  expect((await failure(late!.query(insert(9)))).message).toContain('after its transaction had ended')
  expect(await ids()).toEqual([])
})

test('a serialization failure passes through with its code', async () => {
  await db.query(insert(1))
  const work = db.transaction(async (tx) => {
    await tx.query({ text: 'set transaction isolation level serializable' })
    await tx.query({ text: 'select * from notes' })
    await db.query({ text: `update notes set words = 'other'` })
    await tx.query({ text: `update notes set words = 'mine'` })
  })
  expect(await failure(work)).toMatchObject({ code: '40001' })
})

test('a deadlock passes through with its code, and one side wins', async () => {
  await db.query(insert(1))
  await db.query(insert(2))
  const lock = (id: number) => ({ text: 'select from notes where id = $1 for update', values: [id] })
  const bothHoldOne = barrier(2)
  const cross = (first: number, second: number) =>
    db.transaction(async (tx) => {
      await tx.query(lock(first))
      await bothHoldOne()
      await tx.query(lock(second))
    })
  const outcomes = await Promise.allSettled([cross(1, 2), cross(2, 1)])
  const lost = outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason)
  expect(lost).toMatchObject([{ code: '40P01' }])
})

test('a lost idle connection is replaced without an error', async () => {
  const pid = await backend(db)
  const other = await db.dedicated()
  await other.query({ text: 'select pg_terminate_backend($1, 5000)', values: [pid] })
  await expect.poll(() => backend(db).catch(() => pid)).not.toBe(pid)
  await other.close()
})

test('a connection that is lost within a transaction fails it as unavailable, and the pool still works', async () => {
  const work = db.transaction(async (tx) => {
    await tx.query(insert(1))
    await terminate(await backend(tx))
    await tx.query(insert(2))
  })
  expect(await failure(work)).toBeInstanceOf(DatabaseUnavailable)
  expect(await ids()).toEqual([])
})

test('a connection that is lost between the statements of a transaction does not end the process', async () => {
  const work = db.transaction(async (tx) => {
    const pid = await backend(tx)
    await db.query({ text: 'select pg_terminate_backend($1, 5000)', values: [pid] })
    await expect.poll(() => tx.query({ text: 'select 1' }).then(() => '', String)).toContain('unavailable')
  })
  expect(await failure(work)).toBeInstanceOf(DatabaseUnavailable)
  expect(await ids()).toEqual([])
})

test('a dedicated connection is not part of the pool and reports its end', async () => {
  const own = await db.dedicated()
  await own.query({ text: 'select pg_advisory_lock(1)' })
  await db.transaction(async () =>
    db.transaction(async (tx) => expect(await backend(tx)).not.toBe(await backend(own))),
  )
  const pid = await backend(own)
  await terminate(pid)
  await expect
    .poll(() =>
      own.query({ text: 'select 1' }).then(
        () => undefined,
        (error: unknown) => error,
      ),
    )
    .toBeInstanceOf(DatabaseUnavailable)
  await own.close()
})

test('a database that takes no connections for a while is unavailable', async () => {
  const server = urlInDatabase(database.url, 'postgres')
  const name = new URL(database.url).pathname.slice(1)
  await onServer(server, `alter database ${name} allow_connections false`)
  const newcomer = connectPostgres({ connectionString: database.url, max: 1, log: () => undefined })
  const works = [
    newcomer.query({ text: 'select 1' }),
    newcomer.transaction(async () => undefined),
    newcomer.dedicated(),
  ]
  for (const error of await Promise.all(works.map(failure))) expect(error).toBeInstanceOf(DatabaseUnavailable)
  await onServer(server, `alter database ${name} allow_connections true`)
  expect(await newcomer.query({ text: 'select 1 as n' })).toEqual([{ n: 1 }])
  await newcomer.close()
})

const setReadOnly = (isReadOnly: boolean) => {
  const { pathname } = new URL(database.url)
  const setting = isReadOnly
    ? 'set default_transaction_read_only = on'
    : 'reset default_transaction_read_only'
  return onServer(urlInDatabase(database.url, 'postgres'), `alter database ${pathname.slice(1)} ${setting}`)
}

const writes: [string, (on: Database, id: number) => Promise<unknown>][] = [
  ['a statement', (on, id) => on.query(insert(id))],
  ['a transaction', (on, id) => on.transaction((tx) => tx.query(insert(id)))],
  [
    'a transaction that locks a row first',
    (on, id) =>
      on.transaction(async (tx) => {
        await tx.query({ text: 'select 1 from notes for update' })
        await tx.query(insert(id))
      }),
  ],
]

test.each(writes)(
  'after %s found a database that is read-only, the same one works again',
  async (_, write) => {
    await setReadOnly(true)
    const pool = connectPostgres({ connectionString: database.url, max: 1, log: () => undefined })
    try {
      expect(await failure(write(pool, 1))).toBeInstanceOf(DatabaseUnavailable)
      await setReadOnly(false)
      await write(pool, 2)
      expect(await ids()).toEqual([2])
    } finally {
      await pool.close()
    }
  },
)

test('a server that does not answer is unavailable', async () => {
  const nobody = connectPostgres({
    host: '127.0.0.1',
    port: 1,
    database: 'x',
    user: 'x',
    max: 1,
    log: () => undefined,
  })
  expect(await failure(nobody.query({ text: 'select 1' }))).toBeInstanceOf(DatabaseUnavailable)
  expect(await failure(nobody.transaction(async () => undefined))).toBeInstanceOf(DatabaseUnavailable)
  expect(
    await failure(
      nobody.listen(
        'x',
        () => undefined,
        () => undefined,
      ),
    ),
  ).toBeInstanceOf(DatabaseUnavailable)
  expect(await failure(nobody.dedicated())).toBeInstanceOf(DatabaseUnavailable)
  await nobody.close()
})

test('a missing database is an error of the settings and not a temporary failure', async () => {
  const wrong = connectPostgres({
    connectionString: `${database.url.replace(/spool_test_\w+/, 'no_such_database')}`,
    max: 1,
    log: () => undefined,
  })
  expect(await failure(wrong.query({ text: 'select 1' }))).toMatchObject({ code: '3D000' })
  await wrong.close()
})

test('a closed database is unavailable, and can be closed twice', async () => {
  const closed = connectPostgres({ connectionString: database.url, max: 1, log: () => undefined })
  await closed.query({ text: 'select 1' })
  await Promise.all([closed.close(), closed.close()])
  expect(await failure(closed.query({ text: 'select 1' }))).toBeInstanceOf(DatabaseUnavailable)
  expect(
    await failure(
      closed.listen(
        'x',
        () => undefined,
        () => undefined,
      ),
    ),
  ).toBeInstanceOf(DatabaseUnavailable)
  expect(await failure(closed.dedicated())).toBeInstanceOf(DatabaseUnavailable)
})

/** Resolves for all callers once `count` of them have called. */
function barrier(count: number): () => Promise<void> {
  let open: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return () => {
    count -= 1
    if (count === 0) open()
    return opened
  }
}
