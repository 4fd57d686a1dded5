import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectPostgres } from '../../src/database/postgres.ts'
import { openDatabase, type OpenedDatabase } from '../../src/database/open.ts'
import { isRunning } from '../../src/util/processes.ts'
import { databasePid, makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { startWriter, type Writer } from '../harness/writer.ts'

let folder: DataDir
let dataDir: string
let migrations: string
const writers: Writer[] = []
beforeEach(() => {
  folder = makeDataDir()
  dataDir = folder.path
  migrations = mkdtempSync(join(tmpdir(), 'spool-migrations-'))
  writeFileSync(join(migrations, '0001-notes.sql'), 'create table notes (id text primary key)')
})
afterEach(async () => {
  for (const writer of writers.splice(0)) await kill(writer)
  await folder.remove()
  rmSync(migrations, { recursive: true })
})

function write(): Writer {
  const writer = startWriter({ dataDir, migrations })
  writers.push(writer)
  return writer
}

async function kill(writer: Writer): Promise<void> {
  writer.child.kill('SIGKILL')
  await writer.ended
}

const open = () => openDatabase({ dataDir, migrations, poolSize: 2, timeoutMs: 60_000, log: () => undefined })

/** Another client of the database, such as `psql`. */
const beside = () =>
  connectPostgres({
    host: join(dataDir, 'database/cluster'),
    user: 'spool',
    database: 'postgres',
    max: 1,
    log: () => undefined,
  })

async function missing(opened: OpenedDatabase, acknowledged: string[]): Promise<string[]> {
  const rows = await opened.db.query<{ id: string }>({ text: 'select id from notes' })
  const kept = new Set(rows.map(({ id }) => id))
  return acknowledged.filter((id) => !kept.has(id))
}

test('a second server on the same folder is refused with the owner of the folder, and the first continues', async () => {
  const first = write()
  await first.printed('open')
  const second = write()
  const refusal = await second.printed('refused')
  expect(refusal).toContain(
    `The data folder ${dataDir} is in use by another Spool server (process ${first.pid})`,
  )
  await second.ended
  await first.printed('wrote', first.lines.length)
  expect(first.lines.filter((line) => line.startsWith('log'))).toEqual([])
})

test('of servers that start at once on a new folder exactly one gets it', async () => {
  const all = [write(), write(), write()]
  await Promise.all(all.map((writer) => Promise.race([writer.printed('open'), writer.printed('refused')])))
  const opened = all.filter((writer) => writer.lines.some((line) => line.startsWith('open')))
  const refused = all.filter((writer) =>
    writer.lines.some((line) => line.startsWith('refused DataFolderInUse')),
  )
  expect([opened.length, refused.length]).toEqual([1, 2])
  await opened[0]!.printed('wrote', opened[0]!.lines.length)
})

test('a database whose server was killed ends by itself, with every acknowledged write', async () => {
  const writer = write()
  await writer.printed('open')
  await expect.poll(() => writer.wrote().length).toBeGreaterThan(50)
  const orphan = databasePid(dataDir)!
  await kill(writer)
  await expect.poll(() => isRunning(orphan)).toBe(false)
  // It was stopped, not killed: the next start has nothing to recover.
  expect(databasePid(dataDir)).toBeUndefined()
  const opened = await open()
  expect(await missing(opened, writer.wrote())).toEqual([])
  await opened.close()
})

test.runIf(process.platform === 'linux')(
  'a database that outlived its killed server and its guard is replaced, with every acknowledged write',
  async () => {
    const acknowledged: string[] = []
    for (const _round of [1, 2]) {
      const writer = write()
      await writer.printed('open')
      await expect.poll(() => writer.wrote().length).toBeGreaterThan(50)
      const orphan = databasePid(dataDir)!
      const guards = guardsOf(dataDir)
      expect(guards).toHaveLength(1)
      for (const guard of guards) process.kill(guard, 'SIGKILL')
      await kill(writer)
      acknowledged.push(...writer.wrote())
      expect(isRunning(orphan)).toBe(true)

      const opened = await open()
      expect(await missing(opened, acknowledged)).toEqual([])
      expect(isRunning(orphan)).toBe(false)
      await opened.close()
      await expect.poll(() => guardsOf(dataDir)).toEqual([])
    }
  },
)

/** The processes that watch for the end of the server of this data folder. */
function guardsOf(folderPath: string): number[] {
  const isGuard = (pid: string) => {
    try {
      const [program, , , name, , pidFile = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return program === 'sh' && name === 'spool-database-guard' && pidFile.startsWith(folderPath)
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isGuard(name))
    .map(Number)
}

test('server and database killed together, again and again, lose no acknowledged write', async () => {
  const acknowledged: string[] = []
  for (const round of [1, 2, 3, 4]) {
    const writer = write()
    await writer.printed('open')
    await expect.poll(() => writer.wrote().length).toBeGreaterThan(round * 20)
    const pid = databasePid(dataDir)!
    // Once the database first, once the server first.
    const killers = [() => process.kill(pid, 'SIGKILL'), () => writer.child.kill('SIGKILL')]
    for (const killer of round % 2 === 0 ? killers : killers.toReversed()) killer()
    await writer.ended
    acknowledged.push(...writer.wrote())
  }
  const opened = await open()
  expect(await missing(opened, acknowledged)).toEqual([])
  expect(acknowledged.length).toBeGreaterThan(200)
  await opened.close()
})

test('a killed database is restarted; writes fail as unavailable meanwhile and then continue', async () => {
  const writer = write()
  await writer.printed('open')
  await expect.poll(() => writer.wrote().length).toBeGreaterThan(20)
  for (const _round of [1, 2]) {
    const pid = databasePid(dataDir)!
    const from = writer.lines.length
    process.kill(pid, 'SIGKILL')
    await writer.printed('log info the database runs again', from)
    await writer.printed('unavailable', from)
    await writer.printed('wrote', writer.lines.length)
    expect(databasePid(dataDir)).not.toBe(pid)
  }
  // The folder is locked again.
  const second = write()
  await second.printed('refused DataFolderInUse')

  writer.child.kill('SIGTERM')
  await writer.printed('closed')
  const opened = await open()
  expect(await missing(opened, writer.wrote())).toEqual([])
  await opened.close()
})

test('when one process of the database is killed, the database recovers and the folder stays locked', async () => {
  const writer = write()
  await writer.printed('open')
  const from = writer.lines.length
  const client = beside()
  const [row] = await client.query<{ pid: number }>({
    text: `select pid from pg_stat_activity where backend_type = 'client backend'
             and pid <> pg_backend_pid() and application_name not like 'spool server %' limit 1`,
  })
  await client.close()
  process.kill(row!.pid, 'SIGKILL')
  await writer.printed('log warn the connection that locks the data folder was lost and opened again', from)
  await writer.printed('wrote', writer.lines.length)
  const second = write()
  expect(await second.printed('refused')).toContain('DataFolderInUse')
})

test('a first start that is killed at any moment leaves a folder that can be opened', async () => {
  // The moments are spread over a first start; each round starts with the folder that the round before has left.
  for (const afterMs of [0, 60, 150, 300, 600]) {
    const writer = write()
    const begun = () => readdirSync(dataDir).includes('database')
    await expect.poll(begun, { interval: 5 }).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    await kill(writer)
  }
  const opened = await open()
  expect(await opened.db.query({ text: 'select count(*) as n from schema_migrations' })).toEqual([{ n: 1 }])
  await opened.close()
  expect(readdirSync(join(dataDir, 'database')).filter((name) => name.startsWith('cluster'))).toEqual([
    'cluster',
  ])
})

test('Ctrl-C reaches the server and not its database, which the server stops last', async () => {
  const writer = write()
  await writer.printed('open')
  await writer.printed('wrote')
  const pid = databasePid(dataDir)!
  process.kill(-writer.pid, 'SIGINT')
  await writer.printed('closed')
  await writer.ended
  expect(writer.lines.filter((line) => line.startsWith('log') || line === 'unavailable')).toEqual([])
  expect(isRunning(pid)).toBe(false)
  expect(databasePid(dataDir)).toBeUndefined()
})
