/** Chooses the strongest sandbox that this host offers: the first driver whose self-test does not get out. */
import { bwrapDriver } from './bwrap/bwrap.ts'
import { denoDriver } from './deno/deno.ts'
import { pyodideVersion } from './deno/assets.ts'
import { findProgram } from './native/host-python.ts'
import { landlockDriver } from './landlock/landlock.ts'
import { defaultLimits } from './limits.ts'
import type { SandboxDriver, SandboxDriverName, SandboxLimits } from './port.ts'
import { type SandboxDescription, type Sandboxes, type SandboxLog, SessionRegistry } from './sandboxes.ts'
import { sandboxFolder, sessionsFolder } from './sessions-folder.ts'
import { defaultWheels, pyodideWheelsUrl, type WheelSource } from './deno/wheels.ts'

export interface SandboxSettings {
  /** `auto` tries the drivers from the strongest on; a name allows only that one; `off` allows none. */
  choice: 'auto' | SandboxDriverName | 'off'
  dataDir: string
  /** The Python of the native drivers; /usr/bin/python3 when missing. */
  pythonPath?: string
  limits?: Partial<SandboxLimits>
  /** Whether the server may fetch numpy, pandas and matplotlib for the deno driver; what is cached is used anyway. */
  downloads?: boolean
  poolSize?: number
  maxSessions?: number
  idleMs?: number
  totalMs?: number
  log: SandboxLog
}

const defaultLifetimes = { idleMs: 30 * 60_000, totalMs: 60 * 60_000 }

/** Imported ahead of time in native sessions, where they are there: together they take most of a second. */
const preload = ['numpy', 'pandas', 'matplotlib.pyplot']

interface Candidate {
  name: SandboxDriverName
  /** How long the self-test may take, ms. */
  patienceMs: number
  poolSize: number
  maxSessions: number
  make: () => Promise<SandboxDriver>
}

/**
 * Opens the sandbox. Never rejects because a driver fails: with none left, `describe()` says why and `use` rejects
 * with that sentence. Code never runs in a driver that failed its self-test.
 */
export async function openSandbox(settings: SandboxSettings): Promise<Sandboxes> {
  if (settings.choice === 'off') return noSandbox('The code interpreter is turned off on this server.')
  const refusals: string[] = []
  for (const candidate of candidates(settings)) {
    if (settings.choice !== 'auto' && settings.choice !== candidate.name) continue
    const { driver, libraries, why } = await tryOut(candidate)
    if (driver) return opened(candidate, { driver, libraries, refusals, settings })
    refusals.push(`${candidate.name}: ${why}`)
    settings.log.info({ sandbox: candidate.name, why }, 'sandbox driver refused')
  }
  return noSandbox(`No sandbox works on this host (${refusals.join('; ')}).`)
}

function candidates({
  dataDir,
  pythonPath = '/usr/bin/python3',
  downloads,
  log,
}: SandboxSettings): Candidate[] {
  const native = { patienceMs: 3000, poolSize: 2, maxSessions: 64 }
  return [
    {
      ...native,
      name: 'bwrap',
      make: async () =>
        bwrapDriver({
          folder: await sessionsFolder(dataDir),
          pythonPath,
          bwrapPath: findProgram('bwrap'),
          preload,
        }),
    },
    {
      ...native,
      name: 'landlock',
      make: async () => landlockDriver({ folder: await sessionsFolder(dataDir), pythonPath, preload }),
    },
    {
      name: 'deno',
      // The first start makes the memory snapshot and may fetch libraries.
      patienceMs: 180_000,
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

interface Trial {
  driver?: SandboxDriver
  libraries: string[]
  why?: string
}

async function tryOut({ make, patienceMs }: Candidate): Promise<Trial> {
  let driver: SandboxDriver | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    driver = await make()
    const late = new Promise<{ ok: false; why: string; libraries: string[] }>((resolve) => {
      const why = `its self-test took longer than ${patienceMs / 1000} s`
      timer = setTimeout(() => resolve({ ok: false, why, libraries: [] }), patienceMs)
    })
    const { ok, why, libraries } = await Promise.race([driver.selfTest(), late])
    if (ok) return { driver, libraries }
    await driver.close()
    return { libraries: [], why: why ?? 'its self-test failed' }
  } catch (error) {
    await driver?.close()
    return { libraries: [], why: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
  }
}

interface Opened {
  driver: SandboxDriver
  libraries: string[]
  refusals: string[]
  settings: SandboxSettings
}

function opened(candidate: Candidate, { driver, libraries, refusals, settings }: Opened): Sandboxes {
  const description: SandboxDescription = { driver: driver.name, libraries }
  if (refusals.length > 0) description.why = refusals.join('; ')
  const registry = new SessionRegistry(driver, {
    limits: { ...defaultLimits, ...settings.limits },
    poolSize: settings.poolSize ?? candidate.poolSize,
    maxSessions: settings.maxSessions ?? candidate.maxSessions,
    idleMs: settings.idleMs ?? defaultLifetimes.idleMs,
    totalMs: settings.totalMs ?? defaultLifetimes.totalMs,
    log: settings.log,
  })
  settings.log.info({ sandbox: driver.name, libraries }, 'sandbox ready')
  return {
    use: (key, work, signal) => registry.use(key, work, signal),
    end: (key) => registry.end(key),
    describe: () => description,
    close: () => registry.close(),
  }
}

function noSandbox(why: string): Sandboxes {
  return {
    async use() {
      throw new Error(why)
    },
    async end() {},
    describe: () => ({ libraries: [], why }),
    async close() {},
  }
}
