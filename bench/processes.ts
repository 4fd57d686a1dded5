/** The processes that a bench starts: the model, the relay and Spool, and their use of CPU and memory. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** The CPU seconds of a server and of its embedded database so far, and how many system calls of the server wrote. */
export interface Cost {
  server: number
  database: number
  writes: number
}

export interface BenchServer {
  /** Without a path for Spool, with `/v1` for the model and the relay. */
  url: string
  cost(): Cost
  /** Resident memory that is not shared with others, MiB. */
  memory(): { server: number; database: number }
  stop(): Promise<void>
}

export interface SpoolServer extends BenchServer {
  dataDir: string
}

export const thisCheckout = resolve(import.meta.dirname, '..')

export const startModel = () => startHelper('model-process.ts')
export const startRelay = (model: string) => startHelper('relay-process.ts', model)

async function startHelper(file: string, ...args: string[]): Promise<BenchServer> {
  const child = fork(join(import.meta.dirname, file), args, { execArgv: ['--import', 'tsx'] })
  const [url] = (await once(child, 'message')) as [string]
  return served(url, child, () => [])
}

/** The compiled server of a checkout, as users run it. */
export async function startSpool(
  modelUrl: string,
  environment: Record<string, string> = {},
  checkout = thisCheckout,
): Promise<SpoolServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'spool-bench-'))
  const child = spawn(process.execPath, [join(checkout, 'scripts/start.mjs')], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      SPOOL_DATA_DIR: dataDir,
      OPENAI_BASE_URL: modelUrl,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await announced(child)
  const server = served(url, child, () => (environment.DATABASE_URL ? [] : postgresOf(dataDir)))
  return {
    ...server,
    dataDir,
    async stop() {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

function served(url: string, child: ChildProcess, databases: () => number[]): BenchServer {
  const own = [child.pid ?? 0]
  return {
    url,
    cost: () => ({ server: cpuOf(own), database: cpuOf(databases()), writes: writesOf(own) }),
    memory: () => ({ server: memoryOf(own), database: memoryOf(databases()) }),
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
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

/** The main process of the database in a data folder and its children. */
function postgresOf(data: string): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    if (stat) parents.set(Number(name), Number(stat[3]))
  }
  const heads = [...parents.keys()].filter((pid) => commandOf(pid).includes(data))
  return [...parents.keys()]
    .filter((pid) => heads.includes(pid) || heads.includes(parents.get(pid) ?? 0))
    .filter((pid) => commandOf(pid).includes('postgres'))
}

function commandOf(pid: number): string {
  return readProc(pid, 'cmdline') ?? ''
}

/** The fields of /proc/PID/stat, counted from 0. */
function statOf(pid: number): string[] | undefined {
  return readProc(pid, 'stat')
    ?.replace(/\(.*\)/s, 'x')
    .split(' ')
}

/** Undefined for a process that has ended. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}

/** User and system time in seconds, including that of children that have ended. */
function cpuOf(pids: number[]): number {
  return sumOf(pids, (pid) => {
    const fields = statOf(pid)?.slice(13, 17) ?? []
    return fields.reduce((sum, ticks) => sum + Number(ticks), 0) / 100
  })
}

function writesOf(pids: number[]): number {
  return sumOf(pids, (pid) => Number(/^syscw: (\d+)/m.exec(readProc(pid, 'io') ?? '')?.[1] ?? 0))
}

function memoryOf(pids: number[]): number {
  const kib = sumOf(pids, (pid) =>
    Number(/^Pss:\s+(\d+)/m.exec(readProc(pid, 'smaps_rollup') ?? '')?.[1] ?? 0),
  )
  return Math.round(kib / 1024)
}

function sumOf(pids: number[], one: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + one(pid), 0)
}
