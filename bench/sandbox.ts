/** `npx tsx bench/sandbox.ts [driver …]`: measures time and memory of Python cells, and prints them with the goals. */
import { mkdtempSync, rmSync, chmodSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir, cpus, totalmem, loadavg } from 'node:os'
import { join } from 'node:path'
import { bwrapDriver } from '../src/sandbox/bwrap/bwrap.ts'
import { denoDriver } from '../src/sandbox/deno/deno.ts'
import { landlockDriver } from '../src/sandbox/landlock/landlock.ts'
import { defaultLimits, type SandboxDriver, type SandboxSession } from '../src/sandbox/port.ts'
import { sleep } from '../src/util/abort.ts'

const folder = mkdtempSync(join(tmpdir(), 'spool-bench-'))
chmodSync(folder, 0o711)
const preload = ['numpy', 'pandas', 'matplotlib.pyplot']
const native = { folder, pythonPath: '/usr/bin/python3' }
const log = () => {}
const makers: Record<string, (preload: string[]) => SandboxDriver> = {
  bwrap: (modules) => bwrapDriver({ ...native, bwrapPath: '/usr/bin/bwrap', preload: modules }),
  landlock: (modules) => landlockDriver({ ...native, preload: modules }),
  deno: () => denoDriver({ folder, log }),
}

interface Row {
  driver: string
  measure: string
  median: string
  range: string
  target: string
}

const rows: Row[] = []

function add(driver: string, measure: string, samples: number[], [unit, target]: [string, string]): void {
  const sorted = samples.toSorted((one, other) => one - other)
  const show = (value = 0) => (value < 10 ? value.toFixed(2) : value.toFixed(0))
  const median = `${show(sorted[Math.floor(sorted.length / 2)])} ${unit}`
  rows.push({ driver, measure, median, range: `${show(sorted[0])}-${show(sorted.at(-1))}`, target })
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function times(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let round = 0; round < count; round += 1) samples.push(await timed(work))
  return samples
}

async function cell(session: SandboxSession, code: string): Promise<string> {
  let logs = ''
  const end = await session.run(
    code,
    (event) => {
      if (event.type === 'logs') logs += event.text
    },
    new AbortController().signal,
  )
  if (end.status !== 'ok' && end.status !== 'timeout') throw new Error(`${code}: ${end.status} ${logs}`)
  return logs
}

/** The available memory of the machine, in MiB. Its change shows the memory of sessions with shared pages counted once. */
async function availableMb(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8')
  return Number(/MemAvailable:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024
}

async function memoryPerSession(driver: SandboxDriver, count: number, warmMs: number): Promise<number> {
  const before = await availableMb()
  const sessions = await Promise.all(Array.from({ length: count }, () => driver.open(defaultLimits)))
  await sleep(warmMs)
  const used = (before - (await availableMb())) / count
  await Promise.all(sessions.map((session) => session.close()))
  return used
}

async function benchCommon(name: string, make: (preload: string[]) => SandboxDriver): Promise<boolean> {
  const driver = make([])
  try {
    const { ok, why, libraries } = await driver.selfTest()
    if (!ok) {
      console.log(`${name}: not here (${why})`)
      return false
    }
    const slow = name === 'deno'
    const ready: number[] = []
    for (let round = 0; round < (slow ? 5 : 15); round += 1) {
      let session: SandboxSession | undefined
      ready.push(await timed(async () => (session = await driver.open(defaultLimits))))
      await session?.close()
    }
    add(name, 'session ready, cold', ready, ['ms', slow ? '< 700 ms' : '< 60 ms'])
    const session = await driver.open(defaultLimits)
    await times(20, () => cell(session, 'x = 1'))
    add(name, 'call round trip', await times(100, () => cell(session, 'x = 1')), [
      'ms',
      slow ? '< 3 ms' : '< 1 ms',
    ])
    await session.close()
    const hasty = await driver.open({ ...defaultLimits, wallMs: 1000, graceMs: 500 })
    const over = await timed(() => cell(hasty, 'sum(range(10**11))'))
    add(name, 'timeout overshoot, cell that must be killed', [over - 1000], ['ms', '<= grace (500) + 100 ms'])
    await hasty.close()
    const each = await memoryPerSession(driver, slow ? 3 : 20, 500)
    add(name, 'memory per idle session', [each], ['MiB', slow ? '220 MiB' : '10 MiB'])
    return !slow && libraries.includes('pandas') && libraries.includes('matplotlib')
  } finally {
    await driver.close()
  }
}

/** Measures sessions that import numpy, pandas and pyplot before their first cell. */
async function benchPreloaded(name: string, make: (preload: string[]) => SandboxDriver): Promise<void> {
  const driver = make(preload)
  const bare = make([])
  const pandas = 'import pandas as pd\nlen(pd.DataFrame({"a": [1, 2]}))'
  const figure = 'import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()'
  try {
    for (const [measure, code, target] of [
      ['first cell with pandas', pandas, '< 10 ms'],
      ['first figure', figure, '< 250 ms'],
    ] as const) {
      add(name, `${measure}, cold`, await firstCells(bare, code, 0), ['ms', '-'])
      add(name, `${measure}, warm pool`, await firstCells(driver, code, 2500), ['ms', target])
    }
    await benchMany(name, driver, pandas)
  } finally {
    await Promise.all([driver.close(), bare.close()])
  }
}

/** Times the first cell of five sessions, each idle for `idleMs` after it was opened. */
async function firstCells(driver: SandboxDriver, code: string, idleMs: number): Promise<number[]> {
  const samples: number[] = []
  for (let round = 0; round < 5; round += 1) {
    const session = await driver.open(defaultLimits)
    await sleep(idleMs)
    samples.push(await timed(() => cell(session, code)))
    await session.close()
  }
  return samples
}

async function benchMany(name: string, driver: SandboxDriver, code: string): Promise<void> {
  const before = await availableMb()
  let sessions: SandboxSession[] = []
  const opening = await timed(async () => {
    sessions = await Promise.all(Array.from({ length: 50 }, () => driver.open(defaultLimits)))
    // Each has finished its imports when it answers a cell that needs them.
    await Promise.all(sessions.map((session) => cell(session, `${code}\nimport matplotlib.pyplot`)))
  })
  await sleep(1000)
  const used = before - (await availableMb())
  add(name, '50 sessions with pandas: all ready', [opening], ['ms', '-'])
  add(name, '50 sessions with pandas: memory of all', [used], ['MiB', '< 3000 MiB'])
  add(name, 'memory per idle session, preloaded', [used / 50], ['MiB', '60 MiB'])
  const calls = await times(5, () => Promise.all(sessions.map((session) => cell(session, code))))
  add(name, '50 sessions with pandas: one call each', calls, ['ms', '< 300 ms'])
  await Promise.all(sessions.map((session) => session.close()))
}

const [processor] = cpus()
console.log(
  `${cpus().length} x ${processor?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`,
)
const wanted = process.argv.slice(2)
try {
  for (const [name, make] of Object.entries(makers)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    if (await benchCommon(name, make)) await benchPreloaded(name, make)
  }
  console.log(
    `load average ${loadavg()
      .map((one) => one.toFixed(1))
      .join(' ')}`,
  )
  console.table(rows)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
