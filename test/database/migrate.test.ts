import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrate, migrateIfEmpty } from '../../src/database/migrate.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'

let database: TestDatabase
let folder: string
beforeEach(async () => {
  database = await testDatabase({ from: 'empty' })
  folder = mkdtempSync(join(tmpdir(), 'spool-migrations-'))
})
afterEach(async () => {
  await database.drop()
  rmSync(folder, { recursive: true })
})

const file = (name: string, sql: string) => writeFileSync(join(folder, name), sql)
const run = () => migrate(database.db, folder)
const applied = async () =>
  (
    await database.db.query<{ name: string }>({ text: 'select name from schema_migrations order by number' })
  ).map((row) => row.name)
const rows = (table: string) => database.db.query({ text: `select * from ${table}` })

test('files are applied in order, once, with several statements in each', async () => {
  file('0002-words.sql', `alter table notes add words text default 'none';`)
  file('0001-notes.sql', 'create table notes (id int); insert into notes values (1); -- the first')
  await run()
  await run()
  expect(await applied()).toEqual(['0001-notes.sql', '0002-words.sql'])
  expect(await rows('notes')).toEqual([{ id: 1, words: 'none' }])
})

test('a new file is applied after the old ones', async () => {
  file('0001-notes.sql', 'create table notes (id int)')
  await run()
  file('0002-more.sql', 'insert into notes values (2)')
  await run()
  expect(await rows('notes')).toEqual([{ id: 2 }])
})

test('an empty folder changes nothing', async () => {
  await run()
  expect(await applied()).toEqual([])
})

test('a migration that fails changes nothing, and earlier migrations stay applied', async () => {
  file('0001-notes.sql', 'create table notes (id int)')
  file('0002-broken.sql', 'insert into notes values (2); select 1 / 0;')
  await expect(run()).rejects.toThrow('division by zero')
  expect(await applied()).toEqual(['0001-notes.sql'])
  expect(await rows('notes')).toEqual([])
  file('0002-broken.sql', 'insert into notes values (3)')
  await run()
  expect(await rows('notes')).toEqual([{ id: 3 }])
})

test('a file that changed after it was applied is refused', async () => {
  file('0001-notes.sql', 'create table notes (id int)')
  await run()
  file('0001-notes.sql', 'create table notes (id int8)')
  await expect(run()).rejects.toThrow('0001-notes.sql has changed since it was applied')
})

test('a file with the line ends of another system counts as unchanged', async () => {
  file('0001-notes.sql', 'create table notes (\n  id int\n)\n')
  await run()
  file('0001-notes.sql', 'create table notes (\r\n  id int\r\n)\r\n')
  await run()
  expect(await applied()).toHaveLength(1)
})

test('a database made by a newer version is refused', async () => {
  file('0001-notes.sql', 'create table notes (id int)')
  file('0002-more.sql', 'create table more (id int)')
  await run()
  unlinkSync(join(folder, '0002-more.sql'))
  await expect(run()).rejects.toThrow(
    '0002-more.sql, which this version does not know: it was made by a newer one',
  )
})

test('a command creates the tables of an empty database, and refuses those of an older version', async () => {
  const beside = () => migrateIfEmpty(database.db, folder)
  file('0001-notes.sql', 'create table notes (id int)')
  await beside()
  await beside()
  expect(await applied()).toEqual(['0001-notes.sql'])
  file('0002-more.sql', 'create table more (id int)')
  await expect(beside()).rejects.toThrow('The database lacks migration 0002-more.sql: an older version')
  expect(await applied()).toEqual(['0001-notes.sql'])
  await run()
  await beside()
  unlinkSync(join(folder, '0002-more.sql'))
  await expect(beside()).rejects.toThrow('made by a newer one')
})

test('numbers with a gap, twice the same number and other names are refused before anything is applied', async () => {
  file('0001-notes.sql', 'create table notes (id int)')
  file('0003-more.sql', 'create table more (id int)')
  await expect(run()).rejects.toThrow('0003-more.sql should have number 2')
  unlinkSync(join(folder, '0003-more.sql'))
  file('0001-others.sql', 'create table others (id int)')
  await expect(run()).rejects.toThrow('should have number 2')
  unlinkSync(join(folder, '0001-others.sql'))
  file('2-more.sql', 'create table more (id int)')
  await expect(run()).rejects.toThrow('2-more.sql is not named NNNN-name.sql')
  await expect(applied()).rejects.toThrow('schema_migrations')
})

test('several processes that start at once apply each file once', async () => {
  file('0001-notes.sql', 'create table notes (id int); insert into notes values (1)')
  file('0002-more.sql', 'insert into notes values (2)')
  const others = Array.from({ length: 4 }, () =>
    connectPostgres({ connectionString: database.url, max: 1, log: () => undefined }),
  )
  await Promise.all(others.map((db) => migrate(db, folder)))
  await Promise.all(others.map((db) => db.close()))
  expect(await rows('notes')).toEqual([{ id: 1 }, { id: 2 }])
})
