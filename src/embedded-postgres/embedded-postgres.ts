/** PostgreSQL as a child process: one per data folder, restarted when it ends, stopped with this process. */
import { mkdirSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { sleep } from '../util/abort.ts'
import type { Log } from '../util/log.ts'
import { addressOf, asSuperuser, type Address } from './address.ts'
import { ensureCluster, foldersIn, removeLeftovers, type Folders } from './cluster.ts'
import { chooseRunner, type Runner } from './identity.ts'
import { DataFolderInUse, probe, takeLock, type FolderLock } from './lock.ts'
import { StartFailed, startProcess, stopOrphan, type DatabaseProcess } from './process.ts'
import { EmbeddedUnsupported, findPackage } from './programs.ts'
import { ensureServerRole } from './roles.ts'
import { ServerUnavailable, type ConnectionSettings } from './session.ts'

export { DataFolderInUse } from './lock.ts'

export interface EmbeddedSettings {
  dataDir: string
  log: Log
}

export interface EmbeddedPostgres {
  /** For a role that is not a superuser. Valid while this process runs, also after restarts of the database. */
  connection: ConnectionSettings
  version: string
  /** Resolves when the database is lost: another server has the folder, or restarts fail. */
  lost: Promise<Error>
  /** Stops the database and waits until it has ended. */
  stop(): Promise<void>
}

/**
 * Starts the database of `dataDir`, creates it if there is none, and locks it for this process. Throws
 * `DataFolderInUse` when another server has it and `EmbeddedUnsupported` when this system cannot run it.
 */
export async function startEmbedded(settings: EmbeddedSettings): Promise<EmbeddedPostgres> {
  const place = await preparePlace(settings)
  try {
    const holding = await bringUp(place)
    removeLeftovers(place.folders, settings.log)
    return supervise(place, holding)
  } catch (error) {
    place.address.close()
    throw error
  }
}

interface Place extends EmbeddedSettings {
  folders: Folders
  runner: Runner
  address: Address
  version: string
  /** Aborted when the database must stop: ends every wait. */
  stopping: AbortController
}

/** The running database and the lock of its folder. */
interface Holding {
  database: DatabaseProcess
  lock: FolderLock
  /** The time of its start by the monotonic clock. */
  sinceMs: number
}

async function preparePlace(settings: EmbeddedSettings): Promise<Place> {
  const source = findPackage()
  const dataDir = resolve(settings.dataDir)
  if (dataDir.includes(delimiter) && process.platform !== 'win32') {
    throw new EmbeddedUnsupported(
      `The embedded PostgreSQL cannot find its libraries below a path with '${delimiter}': SPOOL_DATA_DIR is ${dataDir}.`,
    )
  }
  const folders = foldersIn(dataDir)
  // Other users may enter the data folder but not list it: under root, the database's own user must enter it.
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  mkdirSync(folders.root, { recursive: true, mode: 0o700 })
  const runner = await chooseRunner(source, folders.root)
  await ensureCluster(folders, runner, source)
  const address = await addressOf(folders.cluster, folders.password)
  const version = source.version.split('.').slice(0, 2).join('.')
  return { ...settings, dataDir, folders, runner, address, version, stopping: new AbortController() }
}

/** How often a start logs that it waits for a database that starts, stops or recovers. */
const remindAfterMs = 10_000
const pollMs = 50
/** How long the remaining processes of a killed database may take to release its shared memory. */
const startPatienceMs = 20_000

/** Starts the database, also after a crash, and locks it. */
async function bringUp(place: Place): Promise<Holding> {
  const deadlineMs = performance.now() + startPatienceMs
  for (;;) {
    while ((await settle(place)) === 'ready') await takeFromOrphan(place, deadlineMs)
    try {
      const database = await startProcess(place.folders, place.runner, place.address)
      return { database, lock: await hold(place, database), sinceMs: performance.now() }
    } catch (error) {
      const passing = (error instanceof StartFailed && error.passing) || error instanceof ServerUnavailable
      if (!passing || performance.now() > deadlineMs) throw error
      await sleep(pollMs)
    }
  }
}

/** Takes the lock of a database that was just started, and prepares the role of the server. */
async function hold({ address, dataDir }: Place, database: DatabaseProcess): Promise<FolderLock> {
  try {
    const lock = await takeLock(asSuperuser(address), dataDir)
    await ensureServerRole(address, lock.session)
    return lock
  } catch (error) {
    // Another server took the lock first, and now owns the database.
    if (error instanceof DataFolderInUse) database.abandon()
    else await database.stop()
    throw error
  }
}

/** Waits while a database starts, stops or recovers. */
async function settle({ address, folders, log, stopping }: Place): Promise<'ready' | 'absent'> {
  let remindAtMs = performance.now() + remindAfterMs
  for (;;) {
    stopping.signal.throwIfAborted()
    const state = await probe(asSuperuser(address))
    if (state !== 'busy') return state
    if (performance.now() > remindAtMs) {
      log('warn', 'waiting for a database that is starting, stopping or recovering', { log: folders.log })
      remindAtMs += remindAfterMs
    }
    await sleep(pollMs)
  }
}

/** A database runs already. Throws when it belongs to a running server; stops it when its server was killed. */
async function takeFromOrphan(
  { address, dataDir, folders, runner, log }: Place,
  deadlineMs: number,
): Promise<void> {
  try {
    const lock = await takeLock(asSuperuser(address), dataDir)
    const stopped = await stopOrphan(folders.cluster, runner.programs)
    await lock.release()
    if (stopped) return log('warn', 'a database was still running here without its server; it is restarted')
    // It answers, but its process is not visible here: it runs in another container.
    if (performance.now() > deadlineMs)
      throw new Error(`A database that cannot be stopped from here runs in ${dataDir}.`)
    await sleep(pollMs)
  } catch (error) {
    // It ended by itself in the meantime.
    if (!(error instanceof ServerUnavailable)) throw error
  }
}

/** Keeps the database running and locked until `stop`. */
function supervise(place: Place, first: Holding): EmbeddedPostgres {
  const { signal } = place.stopping
  const stopped = new Promise<void>((done) => signal.addEventListener('abort', () => done()))
  let holding = first

  /** Resolves with the reason why the database is lost, or undefined after `stop`. */
  async function keep(): Promise<Error | undefined> {
    for (;;) {
      await Promise.race([holding.database.ended, holding.lock.lost, stopped])
      if (signal.aborted) return undefined
      try {
        holding = await recover(place, holding)
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error))
      }
    }
  }

  const kept = keep()
  return {
    connection: place.address.connection,
    version: place.version,
    lost: new Promise((resolveLost) => {
      void kept.then((error) => error !== undefined && !signal.aborted && resolveLost(error))
    }),
    stop: async () => {
      place.stopping.abort()
      const error = await kept
      // Another server has the folder now, and its database must not be stopped.
      if (error instanceof DataFolderInUse) holding.database.abandon()
      else await holding.database.stop()
      await holding.lock.release()
      place.address.close()
    },
  }
}

const firstRetryMs = 100
const longestRetryMs = 10_000
/** How many failed starts in a row make the database lost: about a minute, with the waits between them. */
const mostRetries = 12
const shortLifeMs = 5_000
const shortLifePauseMs = 1_000

/** Called when the lock's connection has ended: takes the lock again, and starts the database again if it has ended. */
async function recover(place: Place, { database, sinceMs }: Holding): Promise<Holding> {
  const { signal } = place.stopping
  while (database.isAlive()) {
    try {
      const lock = await takeLock(asSuperuser(place.address), place.dataDir)
      place.log('warn', 'the connection that locks the data folder was lost and opened again')
      return { database, lock, sinceMs }
    } catch (error) {
      if (!(error instanceof ServerUnavailable) || signal.aborted) throw error
      await sleep(pollMs, signal)
    }
  }
  place.log('error', 'the database stopped unexpectedly and is restarted', { how: await database.ended })
  // A database that starts and ends at once must not be restarted without a pause.
  if (performance.now() - sinceMs < shortLifeMs) await sleep(shortLifePauseMs, signal)
  for (let failures = 1; ; failures += 1) {
    try {
      const holding = await bringUp(place)
      place.log('info', 'the database runs again')
      return holding
    } catch (error) {
      if (error instanceof DataFolderInUse || signal.aborted || failures === mostRetries) throw error
      place.log('error', 'the database could not be started', { error: String(error) })
      await sleep(Math.min(firstRetryMs * 2 ** failures, longestRetryMs), signal)
    }
  }
}
