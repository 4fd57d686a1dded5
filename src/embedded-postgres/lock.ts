/** One server per data folder: a session advisory lock in the folder's own database. */
import type pg from 'pg'
import { sleep } from '../util/abort.ts'
import { DatabaseUnavailable } from '../database/database.ts'
import { clientConfig, openClient, run, type ConnectionSettings } from '../database/client.ts'

/** Another Spool server holds the data folder. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse'
  constructor(dataDir: string, pid: string | undefined) {
    const who = pid === undefined ? '' : ` (process ${pid})`
    super(
      `The data folder ${dataDir} is in use by another Spool server${who}. ` +
        'Stop that server, or give this one another folder with SPOOL_DATA_DIR.',
    )
  }
}

/** A connection whose session holds the folder; the lock goes with it. */
export interface FolderLock {
  /** Resolves when the connection is gone, for whatever reason. */
  lost: Promise<void>
  release(): Promise<void>
}

/** 'Spool' in ASCII; the lock's number among all advisory locks of the database. */
const lockKey = 0x53706f6f6c
const applicationPrefix = 'spool server '

/** A killed server's session lives on until the database notices that its socket was closed. */
const patienceMs = 2_000

/** Throws `DataFolderInUse` when another session holds the lock, `DatabaseUnavailable` when nobody answers. */
export async function takeLock(connection: ConnectionSettings, dataDir: string): Promise<FolderLock> {
  const client = await openClient({
    ...clientConfig(connection),
    application_name: applicationPrefix + process.pid,
  })
  const lost = new Promise<void>((resolve) => client.once('end', () => resolve()))
  try {
    await waitForLock(client, dataDir)
  } catch (error) {
    await client.end()
    throw error
  }
  return { lost, release: () => client.end() }
}

async function waitForLock(client: pg.Client, dataDir: string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    const [row] = await run<{ taken: boolean }>(client, {
      text: 'select pg_try_advisory_lock($1) as taken',
      values: [lockKey],
    })
    if (row?.taken === true) return
    if (performance.now() > deadlineMs) throw new DataFolderInUse(dataDir, await holder(client))
    await sleep(50)
  }
}

async function holder(client: pg.Client): Promise<string | undefined> {
  const [row] = await run<{ application_name: string }>(client, {
    text: `select application_name from pg_locks join pg_stat_activity using (pid)
           where locktype = 'advisory' and granted and (classid::int8 << 32) + objid::int8 = $1
             and pg_locks.database = (select oid from pg_database where datname = current_database())`,
    values: [lockKey],
  })
  const name = row?.application_name ?? ''
  return name.startsWith(applicationPrefix) ? name.slice(applicationPrefix.length) : undefined
}

/** Whether the server is there: 'absent' when nothing listens, 'busy' when it starts, stops or recovers. */
export async function probe(connection: ConnectionSettings): Promise<'ready' | 'busy' | 'absent'> {
  try {
    const client = await openClient({ ...clientConfig(connection), connectionTimeoutMillis: 5_000 })
    await client.end()
    return 'ready'
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable)) throw error
    const { cause } = error
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    return code === 'ECONNREFUSED' || code === 'ENOENT' ? 'absent' : 'busy'
  }
}
