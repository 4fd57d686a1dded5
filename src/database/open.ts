/** Opens the database that the settings name: the server at a URL, or the embedded one under the data folder. */
import { resolve } from 'node:path'
import pg from 'pg'
import { sleep } from '../util/abort.ts'
import type { Log } from '../util/log.ts'
import { DatabaseUnavailable, type Database } from './database.ts'
import { startEmbedded } from '../embedded-postgres/embedded-postgres.ts'
import { migrate } from './migrate.ts'
import { connectPostgres } from './postgres.ts'

export interface DatabaseSettings {
  /** A PostgreSQL server; none: the embedded one. */
  url?: string
  dataDir: string
  /** The folder of migration files. */
  migrations: string
  /** Connections for statements; the few that listen or hold a lock come on top. */
  poolSize: number
  log: Log
}

export interface OpenedDatabase {
  db: Database
  embedded: boolean
  /** For the banner, no password in it. */
  description: string
  /** Resolves when an embedded database is gone for good and `db` is closed; the server should end then. */
  lost: Promise<Error>
  /** Closes every connection, and stops the database if it is the embedded one. */
  close(): Promise<void>
}

/** The oldest server with all that the statements use. */
const oldestVersion = 15

export async function openDatabase(settings: DatabaseSettings): Promise<OpenedDatabase> {
  return settings.url === undefined ? openEmbedded(settings) : openServer({ ...settings, url: settings.url })
}

async function openEmbedded({
  dataDir,
  migrations,
  poolSize,
  log,
}: DatabaseSettings): Promise<OpenedDatabase> {
  const server = await startEmbedded({ dataDir, log })
  const db = connectPostgres({ ...server.connection, max: poolSize, log })
  const close = async () => {
    await closeSoon(db)
    await server.stop()
  }
  try {
    await migrate(db, migrations)
  } catch (error) {
    await close()
    throw error
  }
  const lost = server.lost.then(async (error) => {
    log('error', 'the embedded database is gone', { error: error.message })
    // In another server's hands it would still answer.
    await closeSoon(db)
    return error
  })
  const description = `embedded PostgreSQL ${server.version} in ${resolve(dataDir)}`
  return { db, embedded: true, description, lost, close }
}

async function openServer(settings: DatabaseSettings & { url: string }): Promise<OpenedDatabase> {
  const { url, migrations, poolSize, log } = settings
  const where = describe(url)
  const db = connectPostgres({ connectionString: url, max: poolSize, log })
  try {
    await waitForServer(db, where, log)
    const version = await checkServer(db, where)
    await migrate(db, migrations)
    const lost = new Promise<Error>(() => undefined)
    return {
      db,
      embedded: false,
      description: `PostgreSQL ${version} at ${where}`,
      lost,
      close: () => closeSoon(db),
    }
  } catch (error) {
    await closeSoon(db)
    throw error
  }
}

/** Host, port and database of a URL, in whatever form the driver understands it. */
function describe(url: string): string {
  if (!/^(postgres|postgresql|socket):/.test(url)) {
    throw new Error(
      'DATABASE_URL must begin with postgres://, for example postgres://user:password@host:5432/name.',
    )
  }
  const { host, port, database } = new pg.Client({ connectionString: url })
  return `${host}:${port}/${database ?? ''}`
}

/** A server that is started together with us may need a moment. */
const startPatienceMs = 20_000

async function waitForServer(db: Database, where: string, log: Log): Promise<void> {
  const deadlineMs = performance.now() + startPatienceMs
  for (let attempts = 1; ; attempts += 1) {
    try {
      await db.query({ text: 'select 1' })
      return
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) {
        throw new Error(`The database at ${where} (DATABASE_URL) refused: ${String(error)}`, { cause: error })
      }
      if (performance.now() > deadlineMs) {
        throw new Error(`The database at ${where} (DATABASE_URL) does not answer: ${error.message}`, {
          cause: error,
        })
      }
      if (attempts === 1) log('warn', `waiting for the database at ${where}`, { error: error.message })
      await sleep(500)
    }
  }
}

async function checkServer(db: Database, where: string): Promise<string> {
  const [row] = await db.query<{ number: number; version: string; encoding: string }>({
    text: `select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
                  current_setting('server_encoding') as encoding`,
  })
  if (row === undefined) throw new Error('the database answered a plain question with no row')
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
  const timer = new AbortController()
  await Promise.race([db.close(), sleep(closePatienceMs, timer.signal)])
  timer.abort()
}
