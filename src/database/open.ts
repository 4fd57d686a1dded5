/** Opens the configured database: the server at a URL, or the embedded one in the data folder. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import pg from 'pg'
import { atMost, sleep } from '../util/abort.ts'
import type { Log } from '../util/log.ts'
import { DatabaseUnavailable, type Database } from './database.ts'
import { foldersIn } from '../embedded-postgres/cluster.ts'
import { startEmbedded } from '../embedded-postgres/embedded-postgres.ts'
import { findRunningEmbedded } from '../embedded-postgres/find-running.ts'
import { codeOf } from '../util/error-code.ts'
import { migrate } from './migrate.ts'
import type { ConnectionSettings } from './client.ts'
import { connectPostgres } from './postgres.ts'

export interface DatabaseSettings {
  /** A PostgreSQL server. Absent: the embedded one. */
  url?: string
  dataDir: string
  /** The folder of migration files. */
  migrations: string
  /** Connections for statements; the few that listen or hold a lock are not counted. */
  poolSize: number
  /** How long a statement may take. Migrations are not limited. */
  timeoutMs: number
  log: Log
  /** Stops at this schema, for a restore. Absent: the newest. */
  newestMigration?: number | undefined
}

export interface OpenedDatabase {
  db: Database
  embedded: boolean
  /** For the banner, no password in it. */
  description: string
  /** Resolves when an embedded database cannot be kept running and `db` is closed; the server should end then. */
  lost: Promise<Error>
  /** Closes every connection, and stops the database if it is the embedded one. */
  close(): Promise<void>
}

/** The oldest version that supports all statements. */
const oldestVersion = 15

export async function openDatabase(settings: DatabaseSettings): Promise<OpenedDatabase> {
  return settings.url === undefined ? openEmbedded(settings) : openServer({ ...settings, url: settings.url })
}

async function openEmbedded(settings: DatabaseSettings): Promise<OpenedDatabase> {
  const { dataDir, poolSize: max, timeoutMs, log } = settings
  const server = await startEmbedded({ dataDir, log })
  try {
    await withoutTimeout(server.connection, log, (db) =>
      migrate(db, settings.migrations, settings.newestMigration),
    )
  } catch (error) {
    await server.stop()
    throw error
  }
  const db = connectPostgres({ ...server.connection, max, timeoutMs, log })
  const close = async () => {
    await closeSoon(db)
    await server.stop()
  }
  const lost = server.lost.then(async (error) => {
    log('error', 'the embedded database has stopped', { error: error.message })
    // The database may still answer, when another server has taken the folder.
    await closeSoon(db)
    return error
  })
  const description = `embedded PostgreSQL ${server.version} in ${resolve(dataDir)}`
  return { db, embedded: true, description, lost, close }
}

async function openServer(settings: DatabaseSettings & { url: string }): Promise<OpenedDatabase> {
  const { url: connectionString, migrations, poolSize: max, timeoutMs, log } = settings
  const where = describe(connectionString)
  const version = await withoutTimeout({ connectionString }, log, async (db) => {
    await waitForServer(db, where, log)
    const found = await checkServer(db, where)
    await migrate(db, migrations, settings.newestMigration)
    return found
  })
  const db = connectPostgres({ connectionString, max, timeoutMs, log })
  return {
    db,
    embedded: false,
    description: `PostgreSQL ${version} at ${where}`,
    lost: new Promise<Error>(() => undefined),
    close: () => closeSoon(db),
  }
}

/** Whether a server was ever started in the data folder with an embedded database. */
export function hasCluster(dataDir: string): boolean {
  return existsSync(foldersIn(dataDir).cluster)
}

export interface AttachedDatabase {
  db: Database
  /** Whether servers may be using it. */
  isShared: boolean
  close: () => Promise<void>
}

/**
 * Connects to the configured database as it is, for a tool beside the server: an embedded database that a server runs is
 * shared, and nothing is migrated.
 */
export async function attachDatabase(
  settings: Omit<DatabaseSettings, 'migrations' | 'newestMigration'>,
): Promise<AttachedDatabase> {
  const { url, dataDir, poolSize: max, timeoutMs, log } = settings
  const connect = (connection: ConnectionSettings) => connectPostgres({ ...connection, max, timeoutMs, log })
  if (url !== undefined) {
    const db = connect({ connectionString: url })
    return { db, isShared: true, close: () => closeSoon(db) }
  }
  const running = await findRunningEmbedded(dataDir)
  if (running !== undefined) {
    const db = connect(running.connection)
    const close = async () => {
      await closeSoon(db)
      running.close()
    }
    return { db, isShared: true, close }
  }
  const server = await startEmbedded({ dataDir, log })
  const db = connect(server.connection)
  const close = async () => {
    await closeSoon(db)
    await server.stop()
  }
  return { db, isShared: false, close }
}

/** A connection for the start: migrations may take long, and wait for those of other processes. */
async function withoutTimeout<Result>(
  connection: ConnectionSettings,
  log: Log,
  work: (db: Database) => Promise<Result>,
): Promise<Result> {
  const db = connectPostgres({ ...connection, max: 1, log })
  try {
    return await work(db)
  } finally {
    await closeSoon(db)
  }
}

/** Host, port and database of a URL, in every form that the driver accepts. */
function describe(url: string): string {
  if (!/^(postgres|postgresql|socket):/.test(url)) {
    throw new Error(
      'DATABASE_URL must begin with postgres://, for example postgres://user:password@host:5432/name.',
    )
  }
  const { host, port, database } = new pg.Client({ connectionString: url })
  return `${host}:${port}/${database ?? ''}`
}

/** Waits a while for a server that is started together with this process. */
const startWaitMs = 20_000

async function waitForServer(db: Database, where: string, log: Log): Promise<void> {
  const deadlineMs = performance.now() + startWaitMs
  for (let attempts = 1; ; attempts += 1) {
    try {
      await db.query({ text: 'select 1' })
      return
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) {
        throw new Error(`The database at ${where} (DATABASE_URL) refused: ${String(error)}`, { cause: error })
      }
      // An unknown host name is not retried.
      if (performance.now() > deadlineMs || codeOf(error.cause) === 'ENOTFOUND') {
        throw new Error(`The database at ${where} (DATABASE_URL) does not answer. ${advice(error.cause)}`, {
          cause: error,
        })
      }
      if (attempts === 1) log('warn', `waiting for the database at ${where}`, { error: error.message })
      await sleep(500)
    }
  }
}

function advice(cause: unknown): string {
  switch (codeOf(cause)) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `Its host name is not known (${codeOf(cause)}): correct DATABASE_URL.`
    case 'ECONNREFUSED':
    case 'ENOENT':
      return `Nothing listens there (${codeOf(cause)}): start PostgreSQL, or correct DATABASE_URL.`
    default:
      return String(cause)
  }
}

async function checkServer(db: Database, where: string): Promise<string> {
  const [row] = await db.query<{ number: number; version: string; encoding: string }>({
    text: `select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
                  current_setting('server_encoding') as encoding`,
  })
  if (row === undefined) throw new Error('the database returned no row for its version')
  if (row.number < oldestVersion * 10_000) {
    throw new Error(
      `The database at ${where} is PostgreSQL ${row.version}; ${oldestVersion} or newer is needed.`,
    )
  }
  if (row.encoding !== 'UTF8') {
    throw new Error(
      `The database at ${where} has encoding ${row.encoding}; UTF8 is needed: create database … encoding 'UTF8' template template0.`,
    )
  }
  return row.version.split(' ')[0] ?? row.version
}

const closePatienceMs = 5_000

/** A transaction that never ends must not keep the server from ending. */
async function closeSoon(db: Database): Promise<void> {
  await atMost(closePatienceMs, db.close())
}
