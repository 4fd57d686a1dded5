import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lchownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
} from 'node:fs'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { chooseRunner } from '../../src/embedded-postgres/identity.ts'
import {
  EmbeddedUnsupported,
  findPackage,
  type ProgramsPackage,
} from '../../src/embedded-postgres/programs.ts'
import {
  DataFolderInUse,
  startEmbedded,
  type EmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { isRunning } from '../../src/util/processes.ts'
import { databasePid, makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { startWriter } from '../harness/writer.ts'

const isRoot = process.getuid?.() === 0
const nobody = 65534

let folder: DataDir
let logged: string[]
const cleanups: (() => Promise<unknown>)[] = []
beforeEach(() => {
  folder = makeDataDir()
  logged = []
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await folder.remove()
})

const log = (level: string, message: string) => logged.push(`${level}: ${message}`)

async function start(dataDir = folder.path): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ dataDir, log })
  cleanups.push(() => server.stop())
  return server
}

/** As the superuser, who may look at the sessions of others and end them. */
function connect(server: EmbeddedPostgres, user = 'spool'): Database {
  const db = connectPostgres({ ...server.connection, user, max: 2, log })
  cleanups.push(() => db.close())
  return db
}

const setting = async (db: Database, name: string) =>
  (await db.query<{ value: string }>({ text: 'select current_setting($1) as value', values: [name] }))[0]
    ?.value

const lockHolders = (db: Database) =>
  db.query<{ pid: number }>({
    text: `select pid from pg_stat_activity where application_name like 'spool server %'`,
  })

test('the embedded database keeps committed rows, uses UTF-8, and listens on its own socket only', async () => {
  const db = connect(await start())
  const names = [
    'fsync',
    'full_page_writes',
    'synchronous_commit',
    'data_checksums',
    'server_encoding',
    'listen_addresses',
  ]
  expect(await Promise.all(names.map((name) => setting(db, name)))).toEqual([
    'on',
    'on',
    'on',
    'on',
    'UTF8',
    '',
  ])
  expect(await db.query({ text: `select lower('ÄÖÜ') as low, 'Zebra' < 'apple' as by_code_point` })).toEqual([
    { low: 'äöü', by_code_point: true },
  ])
})

test('the server works as a role that is not a superuser and can make its tables', async () => {
  const server = await start()
  const db = connect(server, server.connection.user)
  await db.query({ text: 'create table notes (id int); insert into notes values (1)' })
  const [row] = await db.query<{ attributes: boolean[] }>({
    text: `select array[rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls] as attributes
           from pg_roles where rolname = current_user`,
  })
  expect(row?.attributes).toEqual([false, false, false, false, false])
  await expect(db.query({ text: `copy notes to program 'cat'` })).rejects.toThrow('permission denied')
  await expect(db.query({ text: `select pg_read_file('/etc/passwd')` })).rejects.toThrow('permission denied')
})

test('objects that an older version created as superuser belong to the server role after a restart', async () => {
  const first = await start()
  const before = connect(first)
  await before.query({
    text: `create table old_notes (id int generated always as identity, words text);
           create sequence old_numbers;
           create view old_view as select id from old_notes;
           create function old_function() returns int language sql as 'select 1'`,
  })
  await before.close()
  await first.stop()
  const server = await start()
  const db = connect(server, server.connection.user)
  await db.query({ text: 'alter table old_notes add more text' })
  await db.query({ text: `insert into old_notes (words) values ('x')` })
  await db.query({ text: 'drop view old_view; drop function old_function(); drop sequence old_numbers' })
  expect(await db.query({ text: 'select id, words from old_notes' })).toEqual([{ id: 1, words: 'x' }])
})

test.each(['with, a comma', 'with "quotes" and $signs', 'ünïcode'])(
  'a data folder may have any name: %s',
  async (name) => {
    const dataDir = join(folder.path, name)
    cleanups.push(async () => expect(databasePid(dataDir)).toBeUndefined())
    const db = connect(await start(dataDir))
    expect(await db.query({ text: 'select 1 as n' })).toEqual([{ n: 1 }])
  },
)

test.runIf(process.platform !== 'win32')(
  'a data folder with a colon is refused with a sentence',
  async () => {
    await expect(start(join(folder.path, 'a:b'))).rejects.toThrow(/path with ':'.*SPOOL_DATA_DIR/)
  },
)

test('only the owner can access the socket, the files and the log', async () => {
  await start()
  const modes = ['database', 'database/cluster', 'database/postgres.log'].map((name) => {
    const { mode } = statSync(join(folder.path, name))
    return (mode & 0o777).toString(8)
  })
  expect(modes).toEqual(['700', '700', '600'])
  expect(lstatSync(join(folder.path, 'database/cluster/.s.PGSQL.5432')).isSocket()).toBe(true)
})

test('the log contains no statements and no values, also when they fail', async () => {
  const db = connect(await start())
  await db.query({ text: 'create table secrets (words text unique check (length(words) < 30))' })
  const insert = (words: string) =>
    db.query({ text: 'insert into secrets values ($1)', values: [words] }).catch(() => undefined)
  await insert('the-secret-words')
  await insert('the-secret-words')
  await insert('the-secret-words that are far too long')
  await db.query({ text: `select 'the-secret-words'::int` }).catch(() => undefined)
  const text = readFileSync(join(folder.path, 'database/postgres.log'), 'utf8')
  expect(text).toContain('ready to accept connections')
  expect(text).not.toContain('secret')
})

test('a stopped database leaves no process and no socket, and has its rows at the next start', async () => {
  const first = await start()
  const db = connect(first)
  await db.query({ text: 'create table notes as select 1 as id' })
  await db.close()
  const pid = databasePid(folder.path)!
  await first.stop()
  expect(isRunning(pid)).toBe(false)
  expect(
    readdirSync(join(folder.path, 'database/cluster')).filter((name) => /PGSQL|postmaster.pid/.test(name)),
  ).toEqual([])
  expect(await connect(await start()).query({ text: 'select * from notes' })).toEqual([{ id: 1 }])
  expect(logged).toEqual([])
})

test('a second start in the same folder is refused and does not affect the first', async () => {
  const db = connect(await start())
  await expect(startEmbedded({ dataDir: folder.path, log })).rejects.toThrow(DataFolderInUse)
  expect(await db.query({ text: 'select 1 as n' })).toEqual([{ n: 1 }])
})

test('a folder whose path is far too long for a socket works like any other', async () => {
  const deep = join(
    folder.path,
    ...Array<string>(6).fill('a-folder-with-a-name-of-some-length'),
    'data with spaces',
  )
  cleanups.push(async () => expect(databasePid(deep)).toBeUndefined())
  const db = connect(await start(deep))
  expect(await db.query({ text: 'select 1 as n' })).toEqual([{ n: 1 }])
  await expect(startEmbedded({ dataDir: deep, log })).rejects.toThrow(DataFolderInUse)
  process.kill(databasePid(deep)!, 'SIGKILL')
  await expect.poll(() => logged).toContain('info: the database runs again')
  expect(await db.query({ text: 'select 2 as n' })).toEqual([{ n: 2 }])
})

test('the lock is taken again when only its connection is lost', async () => {
  const db = connect(await start())
  const [before] = await lockHolders(db)
  await db.query({ text: 'select pg_terminate_backend($1)', values: [before!.pid] })
  await expect
    .poll(() => logged)
    .toContain('warn: the connection that locks the data folder was lost and opened again')
  const after = await lockHolders(db)
  expect(after).toHaveLength(1)
  expect(after).not.toEqual([before])
  await expect(startEmbedded({ dataDir: folder.path, log })).rejects.toThrow(DataFolderInUse)
})

test('when another process gets the lock meanwhile, the database is lost and keeps running for that process', async () => {
  const server = await start()
  const db = connect(server)
  const [ours] = await lockHolders(db)
  const other = await db.dedicated()
  const waiting = other.query({
    text: `select pg_advisory_lock((classid::int8 << 32) + objid::int8) from pg_locks where locktype = 'advisory'`,
  })
  await expect
    .poll(() => db.query({ text: `select from pg_locks where locktype = 'advisory' and not granted` }))
    .toHaveLength(1)
  await db.query({ text: 'select pg_terminate_backend($1)', values: [ours!.pid] })
  await waiting
  expect(await server.lost).toBeInstanceOf(DataFolderInUse)
  const pid = databasePid(folder.path)!
  await other.close()
  await db.close()
  await server.stop()
  expect(isRunning(pid)).toBe(true)
})

test('a pid file with the id of another process does not prevent a start', async () => {
  const server = await start()
  const pidFile = join(folder.path, 'database/cluster/postmaster.pid')
  const text = readFileSync(pidFile, 'utf8')
  await server.stop()
  const unrelated = spawn('sleep', ['600'])
  cleanups.push(async () => unrelated.kill())
  writeFileSync(pidFile, text.replace(/^\d+/, String(unrelated.pid)))
  await start()
  expect(databasePid(folder.path)).not.toBe(unrelated.pid)
  expect(unrelated.exitCode).toBeNull()
})

test('a database of another major version is refused by name, before anything is touched', async () => {
  await (await start()).stop()
  writeFileSync(join(folder.path, 'database/cluster/PG_VERSION'), '17\n')
  await expect(start()).rejects.toThrow(
    'was created by PostgreSQL 17, and this version of Spool includes PostgreSQL 18, which cannot open it',
  )
})

test('a folder that a restore made readable for others is made private again', async () => {
  await (await start()).stop()
  chmodSync(join(folder.path, 'database/cluster'), 0o755)
  await start()
  expect(statSync(join(folder.path, 'database/cluster')).mode & 0o777).toBe(0o700)
})

test('a database that is stopped during its restart leaves no process', async () => {
  const server = await start()
  process.kill(databasePid(folder.path)!, 'SIGKILL')
  await expect.poll(() => logged).toContain('error: the database stopped unexpectedly and is restarted')
  await server.stop()
  const pid = databasePid(folder.path)
  expect(pid === undefined || !isRunning(pid)).toBe(true)
})

test('the error of a database that cannot start shows what its log says', async () => {
  await (await start()).stop()
  rmSync(join(folder.path, 'database/cluster/global/pg_control'))
  await expect(start()).rejects.toThrow(/did not start: exit code \d.*could not find the database system/)
})

test('the error on a platform without a package names DATABASE_URL', () => {
  expect(() => findPackage('sunos', 'sparc')).toThrow(EmbeddedUnsupported)
  expect(() => findPackage('sunos', 'sparc')).toThrow(/sunos on sparc.*Set DATABASE_URL/)
})

/** The package as an installation without scripts leaves it: no links among its libraries. */
function packageWithoutLinks(): ProgramsPackage {
  const source = findPackage()
  const bare = mkdtempSync(join(tmpdir(), 'spool-package-'))
  cleanups.push(async () => rmSync(bare, { recursive: true }))
  chmodSync(bare, 0o755)
  const native = join(bare, 'native')
  cpSync(source.folder, native, { recursive: true, filter: (file) => !lstatSync(file).isSymbolicLink() })
  return { folder: native, version: source.version }
}

test.runIf(process.platform === 'linux')(
  'the programs run without the links that an install script would make',
  async () => {
    const source = packageWithoutLinks()
    const before = readdirSync(source.folder, { recursive: true })
    expect(before).not.toContain('lib/libicuuc.so.60')
    const runner = await chooseRunner(source, makeRoot())
    expect(runner.programs.postgres).toBe(join(source.folder, 'bin/postgres'))
    expect(readdirSync(source.folder, { recursive: true })).toEqual(before)
  },
)

test.runIf(process.platform === 'linux')(
  'programs that lost their mode bits are run from a copy',
  async () => {
    const source = packageWithoutLinks()
    for (const name of readdirSync(join(source.folder, 'bin')))
      chmodSync(join(source.folder, 'bin', name), 0o644)
    const root = makeRoot()
    const runner = await chooseRunner(source, root)
    expect(runner.programs.postgres).toBe(join(root, 'programs/bin/postgres'))
    // The copy is kept for the next start.
    const made = statSync(runner.programs.postgres).ctimeMs
    await chooseRunner(source, root)
    expect(statSync(runner.programs.postgres).ctimeMs).toBe(made)
  },
)

test.runIf(process.platform === 'linux')(
  'the error for programs that cannot run names the reason and DATABASE_URL',
  async () => {
    const source = packageWithoutLinks()
    writeFileSync(join(source.folder, 'bin/postgres'), '#!/bin/sh\necho wrong machine >&2\nexit 1\n')
    await expect(chooseRunner(source, makeRoot())).rejects.toThrow(
      /cannot run here \(.*wrong machine.*Set DATABASE_URL/,
    )
  },
)

function makeRoot(): string {
  const root = join(folder.path, 'database')
  mkdirSync(root, { mode: 0o700 })
  return root
}

/** Whether the files of this clone are open to other users. */
const nobodyReads =
  isRoot && spawnSync('test', ['-r', import.meta.filename], { uid: nobody, gid: nobody }).status === 0

test.runIf(isRoot)(
  'under root the database runs as another user, in a user namespace or by a switch',
  async () => {
    await start()
    const status = readFileSync(`/proc/${databasePid(folder.path)}/status`, 'utf8')
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1])
    const map = readFileSync(`/proc/${databasePid(folder.path)}/uid_map`, 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number)
    expect(uid === nobody || (map[0] === nobody && map[1] === 0)).toBe(true)
  },
)

test.runIf(isRoot)(
  'files that belong to another user are handed over to the one that runs the database',
  async () => {
    await (await start()).stop()
    const root = join(folder.path, 'database')
    for (const name of ['', ...readdirSync(root, { recursive: true, encoding: 'utf8' })])
      chownSync(join(root, name), 1, 1)
    expect(await setting(connect(await start()), 'fsync')).toBe('on')
  },
)

/** A user without a line in /etc/passwd, as containers are given. */
const nameless = 60_999

test.runIf(nobodyReads)('a start under root leaves the database of a user to that user', async () => {
  await (await start()).stop()
  chmodSync(folder.path, 0o755)
  const root = join(folder.path, 'database')
  for (const name of ['', ...readdirSync(root, { recursive: true, encoding: 'utf8' })])
    lchownSync(join(root, name), nameless, nameless)
  await (await start()).stop()
  expect([root, join(root, 'cluster/PG_VERSION')].map((file) => statSync(file).uid)).toEqual([
    nameless,
    nameless,
  ])
})

const withoutNamespaces = ['python3', join(import.meta.dirname, '../harness/without-namespaces.py')]
const canForbidNamespaces =
  isRoot && spawnSync(withoutNamespaces[0]!, [withoutNamespaces[1]!, 'true']).status === 0

test.runIf(canForbidNamespaces)(
  'under root without user namespaces the database runs as nobody, and back again',
  async () => {
    await (await start()).stop()
    const migrations = join(folder.path, 'migrations')
    mkdirSync(migrations)
    writeFileSync(join(migrations, '0001-notes.sql'), 'create table notes (id text primary key)')
    // Others may pass, as they may in /var/lib.
    chmodSync(folder.path, 0o711)
    const writer = startWriter({ dataDir: folder.path, migrations, prefix: withoutNamespaces })
    await writer.printed('wrote')
    expect(statSync(`/proc/${databasePid(folder.path)}`).uid).toBe(nobody)
    process.kill(-writer.pid, 'SIGTERM')
    await writer.printed('closed')
    await writer.ended
    const [row] = await connect(await start()).query<{ n: number }>({
      text: 'select count(*) as n from notes',
    })
    expect(row?.n).toBe(writer.wrote().length)
  },
)

test.runIf(nobodyReads).each([
  ['an ordinary user', nobody],
  ['a user without a name', nameless],
])('%s can run the embedded database in a folder of its own', async (_kind, uid) => {
  const migrations = join(folder.path, 'migrations')
  mkdirSync(migrations)
  writeFileSync(join(migrations, '0001-notes.sql'), 'create table notes (id text primary key)')
  chmodSync(migrations, 0o755)
  const dataDir = join(folder.path, 'data')
  mkdirSync(dataDir)
  chownSync(dataDir, uid, uid)
  chmodSync(folder.path, 0o755)
  const writer = startWriter({ dataDir, migrations, uid })
  cleanups.push(async () => {
    writer.child.kill('SIGTERM')
    await writer.ended
  })
  await writer.printed('wrote')
  const pid = databasePid(dataDir)!
  expect(statSync(`/proc/${pid}`).uid).toBe(uid)
  process.kill(pid, 'SIGKILL')
  await writer.printed('log info the database runs again')
  await writer.printed('wrote', writer.lines.length)
  expect(existsSync(join(dataDir, 'database/programs'))).toBe(false)
})
