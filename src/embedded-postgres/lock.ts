/** Allows one server per data folder, with a session advisory lock in the folder's own database. */
import { sleep } from '../util/abort.ts'
import { connect, ServerUnavailable, type ConnectionSettings, type Session } from './session.ts'

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

/** A connection whose session holds the lock of the folder. The lock ends with the connection. */
export interface FolderLock {
  session: Session
  /** Resolves when the connection has ended, for any reason. */
  lost: Promise<void>
  release(): Promise<void>
}

/** The number of the advisory lock: 'Spool' in ASCII. */
const lockKey = 0x53706f6f6c
const applicationPrefix = 'spool server '

/** How long to wait for the lock: the database needs a moment to notice that a killed server's connection has ended. */
const patienceMs = 2_000

/** Throws `DataFolderInUse` when another session holds the lock, `ServerUnavailable` when nothing answers. */
export async function takeLock(connection: ConnectionSettings, dataDir: string): Promise<FolderLock> {
  const session = await connect(connection, applicationPrefix + process.pid)
  try {
    await waitForLock(session, dataDir)
  } catch (error) {
    await session.close()
    throw error
  }
  return { session, lost: session.ended, release: () => session.close() }
}

async function waitForLock(session: Session, dataDir: string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    const [row] = await session.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
      lockKey,
    ])
    if (row?.taken === true) return
    if (performance.now() > deadlineMs) throw new DataFolderInUse(dataDir, await holder(session))
    await sleep(50)
  }
}

async function holder(session: Session): Promise<string | undefined> {
  const [row] = await session.query<{ application_name: string }>(
    `select application_name from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and (classid::int8 << 32) + objid::int8 = $1
       and pg_locks.database = (select oid from pg_database where datname = current_database())`,
    [lockKey],
  )
  const name = row?.application_name ?? ''
  return name.startsWith(applicationPrefix) ? name.slice(applicationPrefix.length) : undefined
}

/** The state of the database: 'absent' when nothing listens, 'busy' when it starts, stops or recovers. */
export async function probe(connection: ConnectionSettings): Promise<'ready' | 'busy' | 'absent'> {
  try {
    const session = await connect(connection)
    await session.close()
    return 'ready'
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error
    return error.isAbsent ? 'absent' : 'busy'
  }
}
