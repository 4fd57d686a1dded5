/**
 * Compares runs of Spool with the same answers from a relay without storage and from the model itself, in turn, so that the
 * load of the machine is the same for all. `--against DIR` adds a second checkout of Spool; `--quick` takes fewer samples.
 * With `--ingest FILES` it measures only conversations during the ingest of that many small files.
 */
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { besideIngest } from './beside-ingest.ts'
import { many, type StreamResult } from './load.ts'
import { startModel, startRelay, type Cost } from './processes.ts'
import { median, percentile, printTable, saveSamples } from './report.ts'
import {
  chatTarget,
  spoolTarget,
  wrongAnswers,
  type Question,
  type SpoolTarget,
  type Target,
} from './targets.ts'

const { values: options } = parseArgs({
  options: {
    against: { type: 'string' },
    quick: { type: 'boolean', default: false },
    ingest: { type: 'string' },
  },
})
/** How many samples are taken, as a share of the full number. */
const share = options.quick ? 0.25 : 1

/** One row: a value for each target that has one. */
interface Measure {
  name: string
  digits: number
  values: Map<Target, number>
}

/** V8 gives memory of the start back within this time. */
const idleMs = 30_000

/** An idle backend of PostgreSQL reports its last transactions after ten seconds. */
const countsDelayMs = 10_500

let wrong = 0

async function main(): Promise<void> {
  const model = await startModel()
  const relay = await startRelay(model.url)
  const spools = [await spoolTarget('Spool', model.url)]
  if (options.against) spools.push(await spoolTarget('other', model.url, options.against))
  const targets = [chatTarget('direct', model), chatTarget('relay', relay), ...spools]
  try {
    await sleep(idleMs)
    const idle = measure('memory when idle, server and database, MiB', 0, spools, (one) =>
      total(one.memory()),
    )
    await warmUp(targets)
    if (options.ingest !== undefined) return await ingest(targets, spools)
    const measures = [
      idle,
      ...(await firstToken(targets)),
      ...(await throughput(targets, spools)),
      ...(await paced(targets, 200)),
      ...(await paced(targets, 512)),
      measure('memory after that, server and database, MiB', 0, spools, (one) => total(one.memory())),
    ]
    const mode = process.env.DATABASE_URL ? 'DATABASE_URL' : 'embedded'
    printTable(`runs, ${mode} database`, table(measures, targets))
    if (wrong > 0) throw new Error(`${wrong} answers were lost or reordered`)
  } finally {
    for (const spool of spools) await spool.stop()
    await relay.stop()
    await model.stop()
  }
}

async function ingest(targets: readonly Target[], spools: SpoolTarget[]): Promise<void> {
  const direct = targets.slice(0, 1)
  for (const spool of spools) {
    const rows = await besideIngest([...direct, spool], spool, Number(options.ingest))
    printTable(`conversations of ${spool.name} beside ingest`, rows)
  }
}

function measure<T extends Target>(
  name: string,
  digits: number,
  targets: T[],
  valueOf: (target: T) => number,
): Measure {
  return { name, digits, values: new Map(targets.map((target) => [target, valueOf(target)])) }
}

const total = ({ server, database }: { server: number; database: number }) => server + database

/** The columns: each target, and Spool as a multiple of the others. */
function table(measures: Measure[], targets: Target[]): string[][] {
  const spool = targets.find(({ name }) => name === 'Spool')
  const others = targets.filter((target) => target !== spool)
  const rows = measures.map(({ name, digits, values }) => {
    const own = spool && values.get(spool)
    const shown = targets.map((target) => values.get(target)?.toFixed(digits) ?? '')
    const ratios = others.map((target) => {
      const value = values.get(target)
      return own === undefined || value === undefined || value <= 0 ? '' : (own / value).toFixed(2)
    })
    return [name, ...shown, ...ratios]
  })
  return [['', ...targets.map(({ name }) => name), ...others.map(({ name }) => `Spool/${name}`)], ...rows]
}

async function ask(target: Target, questions: Question[], width: number): Promise<StreamResult[]> {
  const results = await many(questions.length, width, (index) => target.ask(questions[index] as Question))
  wrong += wrongAnswers(results, questions)
  return results
}

const questions = (count: number, question: Omit<Question, 'name'>, name: string): Question[] =>
  Array.from({ length: count }, (_, index) => ({ ...question, name: name + index }))

async function warmUp(targets: Target[]): Promise<void> {
  for (const target of targets) await ask(target, questions(800 * share, { tokens: 20, everyMs: 0 }, 'w'), 40)
}

/** The first token after a pause of some hundred ms, in which the processor does other things, and without a pause. */
async function firstToken(targets: Target[]): Promise<Measure[]> {
  const rested = new Map<Target, StreamResult[]>(targets.map((target) => [target, []]))
  for (const question of questions(200 * share, { tokens: 20, everyMs: 5 }, 'f')) {
    for (const target of targets) rested.get(target)?.push(...(await ask(target, [question], 1)))
  }
  const steady = new Map<Target, StreamResult[]>()
  for (const target of targets) {
    steady.set(target, await ask(target, questions(400 * share, { tokens: 20, everyMs: 0 }, 's'), 1))
  }
  const of = (samples: typeof rested, key: 'firstMs' | 'totalMs') => (target: Target) =>
    median((samples.get(target) ?? []).map((one) => one[key]))
  const rows = (name: string, samples: typeof rested) => {
    const first = of(samples, 'firstMs')
    const direct = targets[0] ? first(targets[0]) : NaN
    return [
      measure(`${name}, median ms`, 2, targets, first),
      measure(`${name} minus direct, ms`, 2, targets.slice(1), (one) => first(one) - direct),
    ]
  }
  saveSamples(
    'first-token',
    Object.fromEntries(
      targets.map((one) => [one.name, (rested.get(one) ?? []).map(({ firstMs }) => firstMs)]),
    ),
  )
  return [
    ...rows('first token', rested),
    ...rows('first token without a pause', steady),
    measure('20 tokens at 5 ms, median ms', 1, targets, of(rested, 'totalMs')),
  ]
}

/** What some work of a target cost. */
interface Spent {
  count: number
  seconds: number
  cost: Cost
  results: StreamResult[]
}

async function spent(target: Target, work: Question[], width: number): Promise<Spent> {
  const before = target.cost()
  const startMs = performance.now()
  const results = await ask(target, work, width)
  const seconds = (performance.now() - startMs) / 1000
  const after = target.cost()
  const cost = {
    server: after.server - before.server,
    database: after.database - before.database,
    writes: after.writes - before.writes,
  }
  return { count: work.length, seconds, cost, results }
}

function joined(parts: Spent[]): Spent {
  const sum = (valueOf: (part: Spent) => number) => parts.reduce((all, part) => all + valueOf(part), 0)
  return {
    count: sum(({ count }) => count),
    seconds: sum(({ seconds }) => seconds),
    cost: {
      server: sum(({ cost }) => cost.server),
      database: sum(({ cost }) => cost.database),
      writes: sum(({ cost }) => cost.writes),
    },
    results: parts.flatMap(({ results }) => results),
  }
}

async function throughput(targets: Target[], spools: SpoolTarget[]): Promise<Measure[]> {
  const rounds = new Map<Target, Spent[]>(targets.map((target) => [target, []]))
  await sleep(countsDelayMs)
  const before = await Promise.all(spools.map((one) => one.counts()))
  for (let round = 0; round < 8 * share; round++) {
    for (const target of targets) {
      const work = questions(400, { tokens: 20, everyMs: 0 }, `r${round}x`)
      rounds.get(target)?.push(await spent(target, work, 40))
    }
  }
  await sleep(countsDelayMs)
  const after = await Promise.all(spools.map((one) => one.counts()))
  const all = new Map(targets.map((target) => [target, joined(rounds.get(target) ?? [])]))
  const of = (target: Target) => all.get(target) as Spent
  const perRun = (valueOf: (cost: Cost) => number) => (target: Target) =>
    valueOf(of(target).cost) / of(target).count
  const first = (target: Target) => of(target).results.map(({ firstMs }) => firstMs)
  const counted = (key: 'commits' | 'walBytes') => (target: SpoolTarget) => {
    const index = spools.indexOf(target)
    return ((after[index]?.[key] ?? NaN) - (before[index]?.[key] ?? NaN)) / of(target).count
  }
  return [
    measure('runs of 20 tokens a second, 40 at once', 0, targets, (one) => of(one).count / of(one).seconds),
    measure(
      '  CPU of a run, server and database, ms',
      2,
      targets,
      perRun((cost) => total(cost) * 1e3),
    ),
    measure(
      '  CPU of a run, server, ms',
      2,
      targets,
      perRun(({ server }) => server * 1e3),
    ),
    measure(
      '  CPU of a run, database, ms',
      2,
      spools,
      perRun(({ database }) => database * 1e3),
    ),
    measure(
      '  system calls that write, a run',
      1,
      targets,
      perRun(({ writes }) => writes),
    ),
    measure('  commits of a run', 2, spools, counted('commits')),
    measure('  WAL of a run, KiB', 1, spools, (one) => counted('walBytes')(one) / 1024),
    measure('  first token, median ms', 1, targets, (one) => median(first(one))),
    measure('  first token, p99 ms', 1, targets, (one) => percentile(first(one), 0.99)),
  ]
}

/** Many slow streams, in rounds: medians. */
async function paced(targets: Target[], width: number): Promise<Measure[]> {
  const tokens = 64
  const rounds = 5
  const all = new Map<Target, Spent[]>(targets.map((target) => [target, []]))
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      const name = `p${round}r`
      all.get(target)?.push(await spent(target, questions(width, { tokens, everyMs: 20 }, name), width))
    }
  }
  const medianOf = (valueOf: (one: Spent) => number) => (target: Target) =>
    median((all.get(target) ?? []).map(valueOf))
  const perToken = (valueOf: (cost: Cost) => number) =>
    medianOf(({ cost, count }) => valueOf(cost) / count / tokens)
  const last = medianOf(({ results }) => Math.max(...results.map(({ totalMs }) => totalMs)))
  return [
    measure(`${width} streams of ${tokens} tokens at 20 ms, last one done, ms`, 0, targets, last),
    measure(
      '  CPU of a token, server and database, µs',
      0,
      targets,
      perToken((cost) => total(cost) * 1e6),
    ),
    measure(
      '  CPU of a token, server, µs',
      0,
      targets,
      perToken(({ server }) => server * 1e6),
    ),
    measure(
      '  system calls that write, a token',
      2,
      targets,
      perToken(({ writes }) => writes),
    ),
  ]
}

await main()
