/** The main process of the database: start, wait, stop. */
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
import { sleep } from '../util/abort.ts'
import { asSuperuser, listenArguments, type Address } from './address.ts'
import { isRunning } from '../util/processes.ts'
import { lastLines, type Folders } from './cluster.ts'
import { guard } from './guard.ts'
import type { Runner } from './identity.ts'
import { probe } from './lock.ts'
import type { Programs } from './programs.ts'

export interface DatabaseProcess {
  /** Resolves with how it ended. */
  ended: Promise<string>
  isAlive(): boolean
  /** Fast shutdown; after a while a harder one, so that it always ends. */
  stop(): Promise<void>
  /** From now on the database may outlive this process: another server has it. */
  abandon(): void
}

/** The process ended before it answered; `passing` when it may work in a moment. */
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
  // Reads are few and cached: three processes less, and none that outlives a killed server for a moment.
  io_method: 'sync',
  // No replicas: no senders, no launcher.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  // Parallel plans need shared memory that containers keep small.
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // No text of users in the log: neither statements and their values nor the rows that a constraint refused.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
}

const pidFile = 'postmaster.pid'
const startPollMs = 15
const largestLogBytes = 10 * 1024 * 1024

/** Starts it and waits until it takes connections. Throws `StartFailed` with the end of its log. */
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
    // Ready, and not by another process that was faster in the same folder.
    if (state === 'ready' && readPid(folders.cluster) === child.pid && database.isAlive()) return database
    await sleep(startPollMs)
  }
  const output = readFileSync(folders.log, 'utf8').slice(logStart)
  throw new StartFailed(
    `The embedded database did not start: ${outcome}: ${lastLines(output)} (log: ${folders.log})`,
    // Another server was faster, or the last processes of a killed one still hold its memory.
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
    // Its own process group: Ctrl-C in a terminal must reach this process alone, which then stops the database last.
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

/** The ways to stop, in this order: fast shutdown, immediate shutdown, kill. Each keeps committed data. */
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
    // Never signalled once it ended: its number may belong to another process by then.
    if (!target.isAlive()) return
    target.kill(signal)
    const timer = new AbortController()
    await Promise.race([target.ended, sleep(patienceMs, timer.signal)])
    timer.abort()
  }
  if (target.isAlive()) throw new Error('the embedded database cannot be stopped')
}

function send(pid: number, signal: StopSignal, programs: Programs): void {
  try {
    // Windows has no signals; the programs have their own way.
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
 * Stops the database that a killed server left running here, so that this server can start its own child process, with
 * its own settings and programs. False when there is no such process.
 */
export async function stopOrphan(cluster: string, programs: Programs): Promise<boolean> {
  const pid = readPid(cluster)
  if (pid === undefined || !isRunning(pid)) return false
  const watch = new AbortController()
  try {
    await stopProcess({
      isAlive: () => isRunning(pid),
      ended: gone(pid, watch.signal),
      kill: (signal) => send(pid, signal, programs),
    })
    return true
  } finally {
    watch.abort()
  }
}

/** The end of a process that is not a child of this one must be polled. */
async function gone(pid: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isRunning(pid)) await sleep(startPollMs, signal)
}

/** The process that serves this cluster according to its pid file. */
function readPid(cluster: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(cluster, pidFile), 'utf8').split('\n')[0])
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

/**
 * After a crash PostgreSQL takes any live process that has the number in its pid file for the old server and refuses
 * to start; numbers come back soon in a container. Removes the files when that process is certainly another one.
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
  // The server works in its cluster's folder for all its life.
  if (place === realpathSync(cluster)) return
  for (const file of [pidFile, '.s.PGSQL.5432.lock']) rmSync(join(cluster, file), { force: true })
}

function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > largestLogBytes) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}
