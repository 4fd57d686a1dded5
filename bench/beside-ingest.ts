/** Compares conversations during the ingest of many small files with the same ones without ingest. */
import OpenAI, { toFile } from 'openai'
import { many, type StreamResult } from './load.ts'
import { median, percentile } from './report.ts'
import type { SpoolTarget, Target } from './targets.ts'

const tokens = 64
const everyMs = 20
const filesPerBatch = 500
/** How many conversations each target has before and after the ingest, and at most during it. */
const [quiet, most] = [10, 60]

/** Returns the rows of a table: the times of each target without and with the ingest of `files` files, and their ratio. */
export async function besideIngest(
  targets: readonly Target[],
  spool: SpoolTarget,
  files: number,
): Promise<string[][]> {
  const openai = new OpenAI({ baseURL: `${spool.url}/v1`, apiKey: 'bench', maxRetries: 0 })
  const ids = await upload(openai, files)
  const without = new Map(targets.map((target) => [target, [] as StreamResult[]]))
  const beside = new Map(targets.map((target) => [target, [] as StreamResult[]]))
  await converse(without, quiet)
  const store = await openai.vectorStores.create({})
  const [before, startMs] = [spool.cost(), performance.now()]
  for (let at = 0; at < ids.length; at += filesPerBatch) {
    const file_ids = ids.slice(at, at + filesPerBatch)
    await openai.vectorStores.fileBatches.create(store.id, { file_ids })
  }
  const isOpen = async () => (await openai.vectorStores.retrieve(store.id)).file_counts.in_progress > 0
  for (let round = 0; round < most && (await isOpen()); round += 1) await converse(beside, 1)
  while (await isOpen()) await new Promise((resolve) => setTimeout(resolve, 500))
  const seconds = (performance.now() - startMs) / 1000
  const after = spool.cost()
  await converse(without, quiet)
  const cost = `${(after.server - before.server).toFixed(0)} s, database ${(after.database - before.database).toFixed(0)} s`
  return [
    [`${files} files`, 'without', 'beside', 'ratio'],
    ...targets.flatMap((target) => rowsOf(target.name, without.get(target) ?? [], beside.get(target) ?? [])),
    [`ingest took ${seconds.toFixed(0)} s; CPU of the server with all that: ${cost}`],
  ]
}

async function upload(openai: OpenAI, files: number): Promise<string[]> {
  return many(files, 16, async (at) => {
    const text = `Note ${at}: the valve of boiler ${at} was replaced.`
    const file = await toFile(Buffer.from(text), `${at}.txt`)
    return (await openai.files.create({ file, purpose: 'assistants' })).id
  })
}

/** Asks all targets in turn. */
async function converse(samples: Map<Target, StreamResult[]>, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const [target, results] of samples) results.push(await target.ask({ tokens, everyMs, name: 'b' }))
  }
}

function rowsOf(name: string, without: StreamResult[], beside: StreamResult[]): string[][] {
  const row = (what: string, valueOf: (results: StreamResult[]) => number) => {
    const [one, other] = [valueOf(without), valueOf(beside)]
    return [`${name}: ${what}`, one.toFixed(1), other.toFixed(1), (other / one).toFixed(2)]
  }
  const first = (results: StreamResult[]) => results.map(({ firstMs }) => firstMs)
  const gaps = (results: StreamResult[]) => results.flatMap(({ gapsMs }) => gapsMs)
  return [
    row('first token, median ms', (results) => median(first(results))),
    row('first token, p90 ms', (results) => percentile(first(results), 0.9)),
    row('gap between tokens, median ms', (results) => median(gaps(results))),
    row('gap, p99 ms', (results) => percentile(gaps(results), 0.99)),
  ]
}
