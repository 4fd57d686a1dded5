/** Backups and restores that are killed in the middle. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeBackup } from '../../src/backup/write-backup.ts'
import { openDiskBlobStore } from '../../src/blobs/disk.ts'
import { runMain } from '../cli/run-main.ts'
import { builtMain } from '../harness/built.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { stories } from '../harness/stories.ts'

let server: TestServer
let folder: string
let archive: string
let child: ChildProcess | undefined
beforeEach(async () => {
  server = await testServer()
  folder = mkdtempSync(join(tmpdir(), 'spool-killed-'))
  archive = join(folder, 'all.tar.gz')
  await newThread('one', 'two')
  await server.openai.files.create({ file: new File(['content'], 'a.txt'), purpose: 'assistants' })
})
afterEach(async () => {
  if (child) await kill(child)
  child = undefined
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const { newThread } = stories(() => server)

async function kill(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  process.kill('SIGKILL')
  await once(process, 'exit')
}

const settings = (databaseUrl: string, dataDir: string) => ({
  DATABASE_URL: databaseUrl,
  SPOOL_DATA_DIR: dataDir,
  SPOOL_MIN_FREE_DISK_MB: '0',
})

function start(args: string[], environment: Record<string, string>): ChildProcess {
  child = spawn(process.execPath, [builtMain, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  return child
}

const threadRows = ({ db }: Pick<TestDatabase, 'db'>) =>
  db.query({ text: 'select row_to_json(t) as row from threads t' })

test('a backup that is killed leaves no file under its name and holds nothing in the database', async () => {
  const environment = settings(server.databaseUrl, server.dataDir)
  const blocker = await server.db.dedicated()
  await blocker.query({ text: 'begin' })
  // Tables are written by name, so that those before it are in the archive.
  await blocker.query({ text: 'lock table threads in access exclusive mode' })
  const backup = start(['backup', archive], environment)
  const waiting = () =>
    server.db.query({
      text: `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
             and query like 'declare backup_rows%'`,
    })
  await expect.poll(async () => (await waiting()).length).toBe(1)
  await kill(backup)
  await blocker.close()
  expect(existsSync(archive)).toBe(false)
  const locks = () =>
    server.db.query({
      text: `select 1 from pg_locks join pg_database on oid = database
             where locktype = 'advisory' and datname = current_database() and mode = 'ShareLock'`,
    })
  await expect.poll(async () => (await locks()).length).toBe(0)
  const second = await runMain(['backup', archive], environment)
  expect(second.stderr).toContain(
    `${archive}.part exists. Another backup is being written there, or one was killed`,
  )
  rmSync(`${archive}.part`)
  expect((await runMain(['backup', archive], environment)).code).toBe(0)
})

test('a restore that is killed leaves the database empty, and can be done again', async () => {
  const blobs = await openDiskBlobStore({ type: 'disk', folder: join(server.dataDir, 'blobs') })
  const createdAt = '2026-11-28T00:00:00Z'
  await writeBackup(createWriteStream(archive), { db: server.db, blobs, version: '1.2.3', createdAt })
  await blobs.close()
  const target = await testDatabase({ from: 'empty' })
  const environment = settings(target.url, join(folder, 'data'))
  const restore = start(['restore', '-'], environment)
  // Everything but the end, which the restore waits for inside of its transaction.
  restore.stdin?.write(readFileSync(archive).subarray(0, -40))
  const inTransaction = () =>
    target.db.query({
      text: `select 1 from pg_stat_activity where datname = current_database()
             and state = 'idle in transaction' and query like 'insert into%'`,
    })
  await expect.poll(async () => (await inTransaction()).length).toBe(1)
  await kill(restore)
  await expect.poll(async () => (await inTransaction()).length).toBe(0)
  expect(await threadRows(target)).toEqual([])
  const again = await runMain(['restore', archive], environment)
  expect(again.stderr).toMatch(/^Restored: \d+ rows and 1 file contents/m)
  expect(await threadRows(target)).toEqual(await threadRows(server))
  await target.drop()
})
