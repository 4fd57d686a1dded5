import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startEmbedded } from '../../src/embedded-postgres/embedded-postgres.ts'
import { openDatabase, type OpenedDatabase } from '../../src/database/open.ts'
import { databasePid, makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { urlOf } from '../harness/server-url.ts'

let folder: DataDir
let migrations: string
let logged: string[]
const opened: OpenedDatabase[] = []
beforeEach(() => {
  folder = makeDataDir()
  migrations = mkdtempSync(join(tmpdir(), 'spool-migrations-'))
  writeFileSync(join(migrations, '0001-notes.sql'), 'create table notes (id int)')
  logged = []
})
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close()
  await folder.remove()
  rmSync(migrations, { recursive: true })
})

const log = (level: string, message: string) => logged.push(`${level}: ${message}`)

async function open(url?: string): Promise<OpenedDatabase> {
  const database = await openDatabase({
    url,
    dataDir: folder.path,
    migrations,
    poolSize: 2,
    timeoutMs: 60_000,
    log,
  })
  opened.push(database)
  return database
}

const isMigrated = async ({ db }: OpenedDatabase) =>
  (await db.query({ text: 'select * from notes' })).length === 0

test('without a URL the embedded database is opened, migrated and described by its folder', async () => {
  const database = await open()
  expect(database.embedded).toBe(true)
  expect(database.description).toMatch(new RegExp(`^embedded PostgreSQL 18\\.\\d+ in ${folder.path}$`))
  expect(await isMigrated(database)).toBe(true)
  await opened.pop()!.close()
  expect(databasePid(folder.path)).toBeUndefined()
  expect(logged).toEqual([])
})

test('an embedded database whose migration fails is stopped again', async () => {
  writeFileSync(join(migrations, '0002-broken.sql'), 'select 1 / 0')
  await expect(open()).rejects.toThrow('division by zero')
  expect(databasePid(folder.path)).toBeUndefined()
})

test('a URL opens that server, migrates it and is described without its password', async () => {
  const target = await testDatabase({ from: 'empty' })
  const url = new URL(target.url)
  if (url.password === '') url.password = 'not-needed-here'
  const database = await open(url.href)
  expect(database.embedded).toBe(false)
  expect(database.description).toMatch(/^PostgreSQL \d+\.\d+ at .*spool_test_/)
  expect(database.description).not.toContain(url.password)
  expect(await isMigrated(database)).toBe(true)
  await opened.pop()!.close()
  await target.drop()
})

test('a database server that is still starting is waited for', async () => {
  const beside = makeDataDir()
  const host = join(beside.path, 'database/cluster')
  const opening = open(urlOf({ host, port: 5432, user: 'spool', database: 'postgres' }))
  await expect.poll(() => logged).toContain(`warn: waiting for the database at ${host}:5432/postgres`)
  const server = await startEmbedded({ dataDir: beside.path, log })
  expect(await isMigrated(await opening)).toBe(true)
  await opened.pop()!.close()
  await server.stop()
  await beside.remove()
})

test('a host name that does not exist is an error at once, which names it and the setting', async () => {
  await expect(open('postgres://me:hush@no-such-host.invalid:5432/x')).rejects.toThrow(
    'The database at no-such-host.invalid:5432/x (DATABASE_URL) does not answer. Its host name is not known (ENOTFOUND)',
  )
})

test('an invalid URL, a missing database and a database with another encoding have different errors', async () => {
  await expect(open('localhost:5432')).rejects.toThrow('DATABASE_URL must begin with postgres://')
  const target = await testDatabase({ from: 'empty' })
  await expect(open(target.url.replace(/spool_test_\w+/, 'spool_test_none'))).rejects.toThrow(
    /spool_test_none \(DATABASE_URL\) refused: .*does not exist/,
  )
  const latin = await latinDatabase(target)
  await expect(open(latin.url)).rejects.toThrow('has encoding LATIN1; UTF8 is needed')
  await latin.drop()
  await target.drop()
})

async function latinDatabase({ db, url }: TestDatabase) {
  const [row] = await db.query<{ name: string }>({ text: 'select current_database() as name' })
  const name = `${row!.name}_latin`
  await db.query({
    text: `create database ${name} encoding 'LATIN1' locale_provider libc locale 'C' template template0`,
  })
  return {
    url: url.replace(row!.name, name),
    drop: () => db.query({ text: `drop database ${name} with (force)` }),
  }
}
