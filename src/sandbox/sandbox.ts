/** The sandbox of one server: a driver that is chosen in the background, and a pool of its sessions. */
import { totalmem } from 'node:os'
import { abortable, Closing } from '../util/abort.ts'
import type { Log } from '../util/log.ts'
import { bwrapDriver } from './bwrap/bwrap.ts'
import { type Candidate, chooseDriver } from './choose-driver.ts'
import { pyodideVersion } from './deno/assets.ts'
import { denoDriver } from './deno/deno.ts'
import { defaultWheels, pyodideWheelsUrl, type WheelSource } from './deno/wheels.ts'
import { landlockDriver } from './landlock/landlock.ts'
import { findProgram } from './native/host-python.ts'
import { defaultLimits, type SandboxDriverName, type SandboxLimits } from './port.ts'
import { type PooledSession, SessionPool } from './session-pool.ts'
import { sandboxFolder, sessionsFolder } from './sandbox-folder.ts'

export interface SandboxSettings {
  /** `auto` tries the drivers from the strongest on; a name allows only that one; `off` allows none. */
  choice: 'auto' | SandboxDriverName | 'off'
  dataDir: string
  /** The Python of the native drivers; /usr/bin/python3 when missing. */
  pythonPath?: string | undefined
  limits?: Partial<SandboxLimits>
  /** Whether the server may fetch numpy, pandas and matplotlib for the deno driver. Cached ones are always used. */
  downloads?: boolean
  poolSize?: number
  maxSessions?: number
  /** The memory limit of all sessions together, MiB; half of the machine's memory when missing. */
  totalMemoryMb?: number | undefined
  idleMs?: number
  totalMs?: number
  log: Log
}

export interface Sandbox {
  /** Starts the choice of a driver. Only cells wait for it. */
  start(): void
  /**
   * Calls `work` with the session of `key`; calls of one key run one after another. Waits for the choice of a driver,
   * and for a session when all are busy. Rejects with the error of `work`, with the signal's reason on an abort during
   * the wait, and with `SandboxUnavailable` when no driver works.
   */
  use<T>(key: string, work: (pooled: PooledSession) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Ends the session of `key` and forgets it; a cell that runs in it sees its session lost. */
  end(key: string): Promise<void>
  describe(): SandboxDescription
  /** Ends every session; work in progress sees its session lost. */
  close(): Promise<void>
}

export interface SandboxDescription {
  /** null while none has been chosen, and when none works. */
  driver: SandboxDriverName | null
  /** The known libraries that `import` finds. Missing until a driver has been chosen. */
  libraries?: string[]
  /** Why there is no driver, or why it is not the strongest one. */
  why?: string
}

/** No driver works on this host, or the sandbox is turned off. The message is a sentence for the user. */
export class SandboxUnavailable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SandboxUnavailable'
  }
}

const defaultLifetimes = { idleMs: 30 * 60_000, totalMs: 60 * 60_000 }

/** Imported before the first cell of native sessions where installed: importing all of them takes most of a second. */
const preload = ['numpy', 'pandas', 'matplotlib.pyplot']

/** When no driver works, `describe()` gives the reason, and `use` rejects with it. */
export function openSandbox(settings: SandboxSettings): Sandbox {
  const closing = new Closing()
  let description: SandboxDescription = { driver: null, why: 'not chosen yet' }
  let begin = () => {}
  const opened = new Promise<void>((resolve) => {
    begin = resolve
  }).then(() => open(settings))
  void opened.then((result) => {
    description = result.description
  })
  let isStarted = false
  return {
    start() {
      isStarted = true
      begin()
    },
    async use(key, work, aborted) {
      const { signal, release } = closing.or(aborted)
      const { pool, description: found } = await abortable(opened, signal).finally(release)
      if (!pool) throw new SandboxUnavailable(found.why ?? 'There is no sandbox.')
      return pool.use(key, work, aborted)
    },
    async end(key) {
      // Before the choice there is no session, and each waiting call has its own signal.
      if (description.driver !== null) await (await opened).pool?.end(key)
    },
    describe: () => description,
    async close() {
      closing.close(new Error('The server is shutting down.'))
      if (isStarted) await (await opened).pool?.close()
    },
  }
}

interface Opened {
  description: SandboxDescription
  pool?: SessionPool
}

async function open(settings: SandboxSettings): Promise<Opened> {
  const { choice, log } = settings
  if (choice === 'off')
    return { description: unavailable('The code interpreter is turned off on this server.') }
  const allowed = candidates(settings).filter(({ name }) => choice === 'auto' || choice === name)
  const { chosen, refusals } = await chooseDriver(allowed, log)
  const why = refusals.join('; ')
  if (!chosen) return { description: unavailable(`No sandbox works on this host (${why}).`) }
  const { candidate, driver, libraries } = chosen
  const pool = new SessionPool(driver, {
    limits: { ...defaultLimits, ...settings.limits },
    poolSize: settings.poolSize ?? candidate.poolSize,
    maxSessions: settings.maxSessions ?? candidate.maxSessions,
    totalMemoryMb: settings.totalMemoryMb ?? halfOfMemoryMb(),
    idleMs: settings.idleMs ?? defaultLifetimes.idleMs,
    totalMs: settings.totalMs ?? defaultLifetimes.totalMs,
    log,
  })
  log('info', 'sandbox ready', { sandbox: driver.name, libraries })
  return { pool, description: { driver: driver.name, libraries, ...(why !== '' && { why }) } }
}

/** Half of the machine's memory, or of what a container allows. */
function halfOfMemoryMb(): number {
  // 0 or a huge number where there is no limit.
  const allowed = process.constrainedMemory() || Infinity
  return Math.min(totalmem(), allowed) / 2 / 1024 / 1024
}

function unavailable(why: string): SandboxDescription {
  return { driver: null, libraries: [], why }
}

interface PoolCandidate extends Candidate {
  poolSize: number
  maxSessions: number
}

function candidates({
  dataDir,
  pythonPath = '/usr/bin/python3',
  downloads,
  log,
}: SandboxSettings): PoolCandidate[] {
  const native = { patienceMs: [30_000, 120_000, 300_000], poolSize: 2, maxSessions: 64 }
  const places = async () => ({ folder: await sessionsFolder(dataDir), pythonPath, preload })
  return [
    {
      ...native,
      name: 'bwrap',
      make: async () => bwrapDriver({ ...(await places()), bwrapPath: findProgram('bwrap') }),
    },
    { ...native, name: 'landlock', make: async () => landlockDriver(await places()) },
    {
      name: 'deno',
      // The first start creates the memory snapshot and may fetch libraries.
      patienceMs: [300_000, 600_000],
      poolSize: 1,
      maxSessions: 8,
      make: async () => {
        const wheels = downloads ? { wheels: wheelSource() } : {}
        return denoDriver({ folder: await sandboxFolder(dataDir, 'pyodide'), log, ...wheels })
      },
    },
  ]
}

function wheelSource(): WheelSource {
  return { baseUrl: pyodideWheelsUrl(pyodideVersion()), fetch, names: defaultWheels, timeoutMs: 60_000 }
}
