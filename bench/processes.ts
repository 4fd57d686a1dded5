/** The processes that a bench starts: the model and Spool, with what they cost. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

export interface BenchServer {
  url: string
  /** CPU seconds so far: the server, and its embedded database. */
  cpu: () => { server: number; database: number }
  /** Resident memory that is not shared with others, MiB. */
  memory: () => { server: number; database: number }
  stop: () => Promise<void>
}

export async function startModel(): Promise<{ url: string; stop: () => void }> {
  const child = fork(join(import.meta.dirname, 'model-process.ts'), { execArgv: ['--import', 'tsx'] })
  const [url] = (await once(child, 'message')) as [string]
  return { url, stop: () => child.kill() }
}

/** The compiled server, as users run it. */
export async function startSpool(
  modelUrl: string,
  environment: Record<string, string> = {},
): Promise<BenchServer> {
  const data = mkdtempSync(join(tmpdir(), 'spool-bench-'))
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      SPOOL_DATA_DIR: data,
      OPENAI_BASE_URL: modelUrl,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await announced(child)
  const databases = () => (environment.DATABASE_URL ? [] : postgresOf(data))
  return {
    url,
    cpu: () => ({ server: cpuOf([child.pid ?? 0]), database: cpuOf(databases()) }),
    memory: () => ({ server: memoryOf([child.pid ?? 0]), database: memoryOf(databases()) }),
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
      rmSync(data, { recursive: true, force: true })
    },
  }
}

async function announced(child: ChildProcess): Promise<string> {
  let printed = ''
  for (;;) {
    const [chunk] = (await once(child.stdout ?? child, 'data')) as [Buffer]
    printed += chunk.toString()
    const [, url] = /answers at (\S+)\/v1/.exec(printed) ?? []
    if (url) {
      child.stdout?.resume()
      return url
    }
  }
}

/** The postmaster of a data folder and its children. */
function postgresOf(data: string): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const [, , , parent = '0'] = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/\(.*\)/, 'x')
        .split(' ')
      parents.set(Number(name), Number(parent))
    } catch {
      // It ended meanwhile.
    }
  }
  const heads = [...parents.keys()].filter((pid) => commandOf(pid).includes(data))
  return [...parents.keys()]
    .filter((pid) => heads.includes(pid) || heads.includes(parents.get(pid) ?? 0))
    .filter((pid) => commandOf(pid).includes('postgres'))
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

function cpuOf(pids: number[]): number {
  const ticks = pids.map((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/\(.*\)/, 'x')
        .split(' ')
      return Number(fields[13]) + Number(fields[14])
    } catch {
      return 0
    }
  })
  return ticks.reduce((sum, one) => sum + one, 0) / 100
}

function memoryOf(pids: number[]): number {
  const kib = pids.map((pid) => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
    } catch {
      return 0
    }
  })
  return Math.round(kib.reduce((sum, one) => sum + one, 0) / 1024)
}
