/** Starts the main process of the database, waits for it, and stops it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import {
  closeSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { atMost, sleep } from '../util/abort.ts'
import { asSuperuser, listenArguments, type Address } from './address.ts'
import { isRunning } from '../util/processes.ts'
import { lastLines, type Folders } from './cluster.ts'
import { guard } from './guard.ts'
import type { Runner } from './identity.ts'
import { probe } from './lock.ts'
import type { Programs } from './programs.ts'

export interface DatabaseProcess {
  /** Resolves with the exit code or signal, as text for the log. */
  ended: Promise<string>
  isAlive(): boolean
  /** Tries a fast shutdown first; after some time an immediate one, then a kill. */
  stop(): Promise<void>
  /** Another server owns the database now: it may continue after the end of this process. */
  abandon(): void
}

/** The process ended before it answered. `passing`: a later start may succeed. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed'
  readonly passing: boolean
  constructor(message: string, passing: boolean) {
    super(message)
    this.passing = passing
  }
}

/**
 * Settings for a small database that shares the machine with one server. The durability settings are the defaults of
 * PostgreSQL.
 */
const settings: Record<string, string> = {
  max_connections: '60',
  max_wal_size: '256MB',
  shared_buffers: '32MB',
  // Saves three worker processes: reads are few and cached. A worker could also outlive a killed server.
  io_method: 'sync',
  // There are no replicas.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  // Parallel plans need shared memory that containers keep small.
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The log must not contain texts of users: no statements, no values, no rows that a constraint refused.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
}

const pidFile = 'postmaster.pid'
const startPollMs = 15
const largestLogBytes = 10 * 1024 * 1024

/** Starts the process and waits until it accepts connections. Throws `StartFailed` with the end of its log. */
export async function startProcess(
  folders: Folders,
  runner: Runner,
  address: Address,
): Promise<DatabaseProcess> {
  clearStalePid(folders.cluster)
  const log = openLog(folders.log)
  const logStart = statSync(folders.log).size
  const child = spawnServer(folders, runner, { address, log })
  closeSync(log)
  const ended = endOf(child)
  let outcome: string | undefined
  void ended.then((how) => (outcome = how))
  const database = running(child, ended, { runner, folders })
  while (outcome === undefined) {
    const state = await probe(asSuperuser(address)).catch(async (error: unknown) => {
      await database.stop()
      throw error
    })
    // The answer may come from another process that was started first in the same folder.
    if (state === 'ready' && readPid(folders.cluster) === child.pid && database.isAlive()) return database
    await sleep(startPollMs)
  }
  const output = readFileSync(folders.log, 'utf8').slice(logStart)
  throw new StartFailed(
    `The embedded database did not start: ${outcome}: ${lastLines(output)} (log: ${folders.log})`,
    // Another server was started first, or the processes of a killed one still hold its shared memory.
    /lock file ".*" already exists|pre-existing shared memory block/.test(output),
  )
}

function spawnServer(
  folders: Folders,
  { identity, programs }: Runner,
  io: { address: Address; log: number },
) {
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const args = ['-D', folders.cluster, ...listenArguments(io.address), ...options]
  const [program = '', ...rest] = [...identity.prefix, programs.postgres, ...args]
  return spawn(program, rest, {
    env: programs.env,
    uid: identity.uid,
    gid: identity.gid,
    // Its own process group: Ctrl-C in a terminal must reach only this process, which stops the database last.
    detached: true,
    windowsHide: true,
    stdio: ['ignore', io.log, io.log],
  })
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `exit code ${code}` : `killed by ${signal}`),
    )
  })
}

function running(
  child: ChildProcess,
  ended: Promise<string>,
  { runner, folders }: { runner: Runner; folders: Folders },
): DatabaseProcess {
  const isAlive = () => child.exitCode === null && child.signalCode === null
  const kill = (signal: StopSignal) => send(child.pid ?? 0, signal, runner.programs)
  const abandon = child.pid === undefined ? () => undefined : guard(child.pid, join(folders.cluster, pidFile))
  void ended.then(abandon)
  return { ended, isAlive, stop: () => stopProcess({ isAlive, ended, kill }), abandon }
}

type StopSignal = 'INT' | 'QUIT' | 'KILL'

/** The steps of a stop: fast shutdown, immediate shutdown, kill. None of them loses committed data. */
const stopSteps: { signal: StopSignal; patienceMs: number }[] = [
  { signal: 'INT', patienceMs: 10_000 },
  { signal: 'QUIT', patienceMs: 5_000 },
  { signal: 'KILL', patienceMs: 5_000 },
]

interface Stoppable {
  isAlive(): boolean
  ended: Promise<unknown>
  kill(signal: StopSignal): void
}

async function stopProcess(target: Stoppable): Promise<void> {
  for (const { signal, patienceMs } of stopSteps) {
    // After the end of the process, its pid may belong to another one.
    if (!target.isAlive()) return
    target.kill(signal)
    await atMost(patienceMs, target.ended)
  }
  if (target.isAlive()) throw new Error('the embedded database cannot be stopped')
}

function send(pid: number, signal: StopSignal, programs: Programs): void {
  try {
    // Windows has no signals; `pg_ctl kill` sends them to PostgreSQL there.
    if (process.platform === 'win32' && signal !== 'KILL') {
      execFileSync(programs.pgCtl, ['kill', signal, String(pid)], { env: programs.env, windowsHide: true })
    } else {
      process.kill(pid, `SIG${signal}`)
    }
  } catch (error) {
    if (isRunning(pid)) throw error
  }
}

/**
 * Stops a database that a killed server left running, so that this server can start it as its own child, with its own
 * settings and programs. Returns false when there is no such process.
 */
export async function stopOrphan(cluster: string, programs: Programs): Promise<boolean> {
  const pid = readPid(cluster)
  if (pid === undefined || !isRunning(pid)) return false
  const watch = new AbortController()
  try {
    await stopProcess({
      isAlive: () => isRunning(pid),
      ended: hasEnded(pid, watch.signal),
      kill: (signal) => send(pid, signal, programs),
    })
    return true
  } finally {
    watch.abort()
  }
}

/** Resolves when the process has ended. Polls, because it is not a child of this process. */
async function hasEnded(pid: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isRunning(pid)) await sleep(startPollMs, signal)
}

/** The pid in the pid file of this cluster. */
function readPid(cluster: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(cluster, pidFile), 'utf8').split('\n')[0])
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

/**
 * Removes the pid file after a crash when its process is certainly not PostgreSQL. Otherwise PostgreSQL refuses to start
 * while any process has this pid, and in a container pids are soon used again.
 */
function clearStalePid(cluster: string): void {
  const pid = readPid(cluster)
  if (pid === undefined || !isRunning(pid)) return
  let place: string
  try {
    place = readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return
  }
  // The working directory of PostgreSQL is always its cluster's folder.
  if (place === realpathSync(cluster)) return
  for (const file of [pidFile, '.s.PGSQL.5432.lock']) rmSync(join(cluster, file), { force: true })
}

function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > largestLogBytes) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}
