/** Runs beside direct calls to the same model: first token, throughput, paced streams, memory. */
import { chatStream, many, spoolStream, stream, type StreamResult } from './load.ts'
import { startModel, startSpool, type BenchServer } from './processes.ts'
import { median, percentile, printTable, saveSamples } from './report.ts'

async function main(): Promise<void> {
  const model = await startModel()
  const spool = await startSpool(
    model.url,
    process.env.DATABASE_URL ? { DATABASE_URL: process.env.DATABASE_URL } : {},
  )
  const mode = process.env.DATABASE_URL ? 'DATABASE_URL' : 'embedded'
  try {
    const idle = spool.memory()
    const assistant = await makeAssistant(spool.url)
    const rows = [
      ['memory when idle', `server ${idle.server} MiB, database ${idle.database} MiB`],
      ...(await firstToken(model.url, spool.url, assistant)),
      ...(await throughput(spool, assistant)),
      ...(await paced(spool, assistant, 200)),
      ...(await paced(spool, assistant, 512)),
    ]
    printTable(`runs, ${mode} database`, rows)
  } finally {
    await spool.stop()
    model.stop()
  }
}

async function makeAssistant(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/assistants`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer bench',
      'openai-beta': 'assistants=v2',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ model: 'bench' }),
  })
  return ((await response.json()) as { id: string }).id
}

const ask = (count: number, everyMs: number, name: string) => `tokens ${count} every ${everyMs} as ${name}`

async function run(url: string, assistant_id: string, content: string): Promise<StreamResult> {
  const body = { assistant_id, stream: true, thread: { messages: [{ role: 'user', content }] } }
  return stream(`${url}/v1/threads/runs`, body, spoolStream)
}

/** One at a time, turn about, so that both see the same machine. */
async function firstToken(modelUrl: string, url: string, assistant: string): Promise<string[][]> {
  const direct: StreamResult[] = []
  const through: StreamResult[] = []
  const content = ask(20, 5, 'a')
  for (let index = 0; index < 120; index++) {
    const chat = { model: 'bench', stream: true, messages: [{ role: 'user', content }] }
    const one = await stream(`${modelUrl}/chat/completions`, chat, chatStream)
    const other = await run(url, assistant, content)
    if (index < 20) continue
    direct.push(one)
    through.push(other)
  }
  saveSamples('first-token', {
    direct: direct.map((one) => one.firstMs),
    through: through.map((one) => one.firstMs),
  })
  const ms = (results: StreamResult[], key: 'firstMs' | 'totalMs') => median(results.map((one) => one[key]))
  return [
    [
      'first token, median',
      `direct ${ms(direct, 'firstMs').toFixed(2)} ms, through Spool ${ms(through, 'firstMs').toFixed(2)} ms, more ${(ms(through, 'firstMs') - ms(direct, 'firstMs')).toFixed(2)} ms`,
    ],
    [
      'whole run of 20 tokens at 5 ms, median',
      `direct ${ms(direct, 'totalMs').toFixed(1)} ms, through Spool ${ms(through, 'totalMs').toFixed(1)} ms`,
    ],
  ]
}

async function throughput(spool: BenchServer, assistant: string): Promise<string[][]> {
  const width = 40
  await many(200, width, (index) => run(spool.url, assistant, ask(20, 0, `w${index}`)))
  const before = spool.cpu()
  const startMs = performance.now()
  const count = 2000
  const results = await many(count, width, (index) => run(spool.url, assistant, ask(20, 0, `t${index}`)))
  const tookS = (performance.now() - startMs) / 1000
  const after = spool.cpu()
  const server = ((after.server - before.server) / count) * 1000
  const database = ((after.database - before.database) / count) * 1000
  return [
    [
      `streamed runs of 20 tokens, ${width} at once`,
      `${(count / tookS).toFixed(0)} a second, ${wrong(results, (index) => [20, `t${index}`])} wrong`,
    ],
    ['CPU per run', `server ${server.toFixed(2)} ms, database ${database.toFixed(2)} ms`],
    [
      'first token under that load',
      `median ${median(results.map((one) => one.firstMs)).toFixed(1)} ms, p99 ${percentile(
        results.map((one) => one.firstMs),
        0.99,
      ).toFixed(1)} ms`,
    ],
  ]
}

async function paced(spool: BenchServer, assistant: string, width: number): Promise<string[][]> {
  const before = spool.cpu()
  const results = await many(width, width, (index) => run(spool.url, assistant, ask(64, 20, `p${index}`)))
  const after = spool.cpu()
  const server = ((after.server - before.server) / (width * 64)) * 1e6
  saveSamples(`paced-${width}`, { total: results.map((one) => one.totalMs) })
  return [
    [
      `${width} streams of 64 tokens at 20 ms`,
      `${wrong(results, (index) => [64, `p${index}`])} lost or reordered, last done after ${Math.max(...results.map((one) => one.totalMs)).toFixed(0)} ms (ideal 1260), server ${server.toFixed(0)} µs CPU a token, memory ${spool.memory().server} MiB`,
    ],
  ]
}

/** How many answers are not whole, in order and their own. */
function wrong(results: StreamResult[], expected: (index: number) => [number, string]): number {
  return results.filter((result, index) => {
    const [count, name] = expected(index)
    const text = Array.from({ length: count }, (_, token) => `${name}:${token} `).join('')
    return !result.isWhole || result.text !== text
  }).length
}

await main()
