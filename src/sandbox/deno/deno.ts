/** The deno driver: Pyodide inside Deno without permissions, for hosts that have no Python or cannot confine one. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  type Assets,
  copyDeno,
  denoArguments,
  denoAssets,
  denoEnvironment,
  type DenoProgram,
  findDeno,
} from './assets.ts'
import { denoSelfTest } from './self-test.ts'
import { denoSession } from './session.ts'
import { findProgram } from '../native/host-python.ts'
import type { SandboxDriver, SandboxLimits, SandboxSession } from '../port.ts'
import { endFirstWhenMemoryIsShort, sharedOutBytes } from '../process-tree.ts'
import type { Overrun } from '../run-cell.ts'
import { runnerProcess } from '../runner-process.ts'
import { takeSessionUser } from '../session-user.ts'
import { openToAll } from '../sandbox-folder.ts'
import { sleep } from '../../util/abort.ts'
import type { Log } from '../../util/log.ts'
import { defaultWheels, provideWheels, type Wheels, type WheelSource } from './wheels.ts'
import { messageOf } from '../../util/describe-error.ts'

export interface DenoSettings {
  /** Where Pyodide, its snapshot and its wheels are kept. */
  folder: string
  /** Where wheels may be fetched; without it only cached ones are used. */
  wheels?: WheelSource
  log: Log
  /** The program; the one that npm installed when missing. */
  deno?: DenoProgram
}

/** The protections that the driver sets up; tests weaken them to prove that the self-test notices. */
export interface DenoProtections {
  /** What Deno is allowed instead of reading its assets, such as `--allow-all`. */
  permission?: string
  environment: Record<string, string>
}

const mib = 1024 * 1024

/** Memory of Deno and Pyodide before the first cell, and address space that V8 only reserves. */
const idleMb = 512
const reservedMb = 1400
const memoryEveryMs = 100
/** A boot without a snapshot takes eight seconds on an idle machine, and much longer on a busy one. */
const readyTimeoutMs = 180_000

export function denoDriver(
  settings: DenoSettings,
  protections: DenoProtections = { environment: {} },
): SandboxDriver {
  const sessions = new Set<SandboxSession>()
  let ready: Promise<Prepared> | undefined

  async function open(limits: SandboxLimits): Promise<SandboxSession> {
    const { deno, assets } = await (ready ??= prepare(settings))
    const user = process.getuid?.() === 0 ? await takeSessionUser() : undefined
    const child = startDeno(deno, assets, { limits, protections, ...(user && { user }) })
    const runner = runnerProcess(child)
    const session = denoSession({
      runner,
      limits,
      mayStop: endsWithServer(),
      memoryBytes: () => memoryOf(runner.pid),
      watch: (onOverrun) => watchMemory(runner.pid, limits, onOverrun),
      async release() {
        sessions.delete(session)
        await user?.release()
      },
    })
    sessions.add(session)
    try {
      await endFirstWhenMemoryIsShort(runner.pid)
      lowerPriority(runner.pid)
      await runner.send({ op: 'begin', settings: limits })
      await runner.ready(readyTimeoutMs)
    } catch (error) {
      await session.close()
      throw error
    }
    return session
  }

  return {
    name: 'deno',
    async selfTest() {
      try {
        const { wheels } = await (ready ??= prepare(settings))
        const result = await denoSelfTest(open)
        return result.ok ? { ok: true, libraries: wheels.libraries } : result
      } catch (error) {
        return { ok: false, why: messageOf(error), libraries: [] }
      }
    },
    open,
    async close() {
      await Promise.all([...sessions].map((session) => session.close()))
    },
  }
}

interface Prepared {
  deno: DenoProgram
  assets: Assets
  wheels: Wheels
}

async function prepare({ folder, wheels: source, log, deno: configured }: DenoSettings): Promise<Prepared> {
  const installed = configured ?? findDeno()
  const assets = await denoAssets(folder, installed)
  const deno = await runnableDeno(installed, assets.folder)
  if (assets.slow !== undefined) log('warn', 'Python sessions start slowly', { why: assets.slow })
  const wheels = await provideWheels(assets.folder, source?.names ?? defaultWheels, source)
  if (wheels.why !== undefined) log('warn', 'Python libraries are missing', { why: wheels.why })
  return { deno, assets, wheels }
}

/** Returns a program that the session's user can run. Throws when the server is root and other users cannot run it. */
async function runnableDeno(deno: DenoProgram, folder: string): Promise<DenoProgram> {
  if (process.getuid?.() !== 0) return deno
  if (!(await openToAll(folder)))
    throw new Error(`other users cannot read ${folder}, and cells never run as root`)
  return (await openToAll(deno.path)) ? deno : copyDeno(folder, deno)
}

interface Start {
  limits: SandboxLimits
  protections: DenoProtections
  user?: { uid: number; gid: number }
}

function startDeno(deno: DenoProgram, assets: Assets, { limits, protections, user }: Start): ChildProcess {
  const options = denoArguments(limits.memoryMb, protections.permission)
  const command = [deno.path, ...options, join(assets.folder, 'deno-main.mjs')]
  const [program = deno.path, ...rest] = [...wrappers(limits), ...command]
  return spawn(program, rest, {
    env: { ...denoEnvironment(assets.folder), ...protections.environment },
    cwd: assets.folder,
    // A separate process group: Ctrl-C in the terminal must reach the server only, which drains first.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(user && { uid: user.uid, gid: user.gid }),
  })
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, 10)
  } catch {
    // It has ended already, which `ready` reports.
  }
}

/** Commands of util-linux that set a limit and then execute the next command; omitted where they are not installed. */
function wrappers(limits: SandboxLimits): string[] {
  const [setpriv, prlimit] = [findProgram('setpriv'), findProgram('prlimit')]
  const found: string[] = []
  // Deno ends at the end of its input, but not while it is stopped by a signal.
  if (endsWithServer()) found.push(setpriv, '--pdeathsig', 'KILL', '--')
  // Deno cannot limit the memory of JavaScript itself.
  const dataBytes = (reservedMb + limits.memoryMb) * mib
  if (process.platform === 'linux' && existsSync(prlimit)) {
    found.push(prlimit, `--data=${dataBytes}`, '--core=0', '--fsize=0', '--')
  }
  return found
}

function endsWithServer(): boolean {
  return process.platform === 'linux' && existsSync(findProgram('setpriv'))
}

function watchMemory(pid: number, limits: SandboxLimits, onOverrun: (overrun: Overrun) => void): () => void {
  const stopped = new AbortController()
  const { signal } = stopped
  const look = async () => {
    while (!signal.aborted) {
      const bytes = await memoryOf(pid)
      if (signal.aborted) return
      if (bytes > (limits.memoryMb + idleMb) * mib) onOverrun({ status: 'memory', hard: true })
      // `ps` is a separate process, so it is called less often.
      await sleep(process.platform === 'linux' ? memoryEveryMs : 10 * memoryEveryMs, signal)
    }
  }
  look().catch(() => onOverrun({ status: 'memory', hard: true }))
  return () => stopped.abort()
}

/** Resident memory in bytes; 0 for a process that has just ended. */
async function memoryOf(pid: number): Promise<number> {
  if (process.platform === 'linux') return (await sharedOutBytes(pid)) ?? 0
  const windows = process.platform === 'win32'
  const [program, options]: [string, string[]] = windows
    ? ['tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH']]
    : ['/bin/ps', ['-o', 'rss=', '-p', `${pid}`]]
  const answer = await promisify(execFile)(program, options).catch(() => ({ stdout: '' }))
  const number = windows ? answer.stdout.split('","').at(-1) : answer.stdout
  return Number((number ?? '').replaceAll(/\D/g, '')) * 1024
}
