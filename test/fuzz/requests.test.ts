/** Right, nearly right and hostile requests to every route of a server whose runs really run. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ModelFailure } from '../../src/models/port.ts'
import { ToolFailure } from '../../src/tools/port.ts'
import { RunFailure } from '../../src/engine/failure.ts'
import type { ScriptedStep } from '../harness/scripted-model.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, stories, timeTool, weatherTool } from '../harness/stories.ts'
import { exchange, type Answer } from './exchange.ts'
import { brokenWire } from './harm.ts'
import { Judge } from './judge.ts'
import { planOf, type Plan } from './requests.ts'
import { World } from './world.ts'

/** How many requests are sent, and from which seed; `npm run fuzz` chooses others. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 5000)
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261)
const atOnce = 6
const batch = 200

let server: TestServer
let port: number
let judge: Judge
let plans: fc.Arbitrary<Plan>
const world = new World()

beforeAll(async () => {
  server = await testServer({ maxRetries: 0, keepAliveMs: 60_000 })
  port = Number(new URL(server.url).port)
  const document = await (await fetch(server.url.replace(/v1$/, 'openapi.json'))).json()
  judge = new Judge(document)
  plans = planOf(document)
  server.model.whenever(answerOf)
})
afterAll(() => server.close())

const { post, rest, runToRest, place } = stories(() => server)

/** Calls the offered tools, refuses, fails or breaks the connection, as the last message says. */
function answerOf(body: any): ScriptedStep {
  const last = Array.isArray(body.messages) ? body.messages.at(-1) : undefined
  const words = JSON.stringify(last ?? '')
  const text = ['Hel', 'lo ', words.slice(0, 40)]
  if (body.stream_options === undefined) return { text }
  if (words.includes('fail')) {
    return {
      status: 400,
      body: { error: { message: 'No.', type: 'invalid_request_error', param: null, code: null } },
    }
  }
  if (words.includes('cut')) return { cut: true, text: 'Hel' }
  if (words.includes('refuse')) return { refusal: ['I ', "can't"] }
  const tools: any[] = body.tools ?? []
  if (tools.length === 0 || last?.role === 'tool') return { text }
  return {
    text: 'Wait. ',
    calls: tools.slice(0, 2).map((tool) => ({ name: tool.function.name, arguments: ['{"a"', ':1}'] })),
  }
}

/** Some of everything, so that what the requests meet is not only what they made themselves. */
async function stock(): Promise<void> {
  const make = async (path: string, body: object) => {
    const made = await post(path, body)
    world.learn(made)
    return made
  }
  const tools = [weatherTool, timeTool]
  const { id: assistant_id } = await make('/assistants', { model: 'gpt-4o', tools })
  await make('/assistants', { model: 'gpt-4o' })
  const messages = ['Hello', 'And then?'].map((content) => ({ role: 'user', content }))
  for (let count = 0; count < 3; count += 1) {
    const thread = await make('/threads', { messages })
    await make(`/threads/${thread.id}/messages`, { role: 'user', content: 'Well?' })
    world.learn(await rest(await post('/threads/runs', { assistant_id, thread: { messages } })))
  }
  await make('/uploads', { filename: 'a.txt', purpose: 'assistants', bytes: 5, mime_type: 'text/plain' })
}

interface Sent {
  kind: Plan['kind'] | 'broken'
  method: string
  path: string
  bytes: Buffer
}

function sent(plan: Plan): Sent {
  const { kind, method } = plan
  const path = world.fill(plan.path)
  const body = typeof plan.body === 'string' ? Buffer.from(world.fill(plan.body)) : plan.body
  const headers = { host: 'localhost', connection: 'close', ...plan.headers }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  if (body || method === 'POST') lines.push(`content-length: ${body?.length ?? 0}`)
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
  return { kind, method, path, bytes: Buffer.concat([Buffer.from(head), body ?? Buffer.alloc(0)]) }
}

async function sendAndJudge({ kind, method, path, bytes }: Sent): Promise<void> {
  const isBroken = kind === 'broken'
  const isEndless = isBroken || /\/events\/?(\?|$)/.test(path)
  const isHead = method === 'HEAD'
  const answer = await exchange({ port, bytes, isHead, isBroken, ...(isEndless && { leaveAfterMs: 50 }) })
  if (!answer && isBroken) return
  if (!answer) throw new Error('the server hung up without an answer')
  count(answer)
  const { complaint, shown } = judge.judge({ kind, method }, path, answer)
  for (const one of shown) world.learn(one)
  if (complaint !== undefined) throw new Error(complaint)
}

const statuses = new Map<string, number>()
function count({ status }: Answer): void {
  const group = `${Math.floor(status / 100)}xx`
  statuses.set(group, (statuses.get(group) ?? 0) + 1)
}

/** Runs may fail because of the provider, or because a tool is switched off; other failures are errors of the server. */
function takeExpectedComplaints(): void {
  for (const { message, fields } of server.complaints.splice(0)) {
    const { error } = fields as { error?: unknown }
    const isExpected =
      message === 'a run failed' &&
      (error instanceof ModelFailure || error instanceof ToolFailure || error instanceof RunFailure)
    if (isExpected) continue
    throw new Error(`${message}: ${JSON.stringify(fields)} ${error instanceof Error ? error.stack : ''}`)
  }
}

/** Sends them all, a few at a time; throws for the first that goes wrong, with what it takes to send it again. */
async function sendAll(requests: Iterator<() => Sent>): Promise<void> {
  let failure: Error | undefined
  const work = async () => {
    for (let next = requests.next(); !next.done && !failure; next = requests.next()) {
      const one = next.value()
      try {
        await sendAndJudge(one)
        takeExpectedComplaints()
      } catch (error) {
        const shown = JSON.stringify(one.bytes.toString('latin1')).slice(0, 8000)
        failure ??= new Error(
          `${String(error)}\nafter a ${one.kind} request (seed ${seed}), as latin1:\n${shown}`,
        )
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  if (failure) throw failure
}

async function expectConsistent(): Promise<void> {
  const ask = (text: string) => server.db.query<Record<string, unknown>>({ text })
  await eventually(
    async () =>
      (await ask(`select 1 from runs where status in ('queued', 'in_progress', 'cancelling')`)).length === 0,
    'the last runs to end',
  )
  const gaps = await ask(`
    select id, event_count, logged.last, logged.entries from runs
    join (select run_id, max(last) as last, sum(last - first + 1)::int as entries from run_events group by run_id) logged
      on logged.run_id = runs.id
    where event_count <> logged.last or event_count <> logged.entries`)
  const orphans = await ask(`
    select id from messages where thread_id not in (select id from threads)
    union all select id from runs where thread_id not in (select id from threads)
    union all select id from run_steps where run_id not in (select id from runs)`)
  const open = await ask(`
    select m.id from messages m join runs r on r.id = m.run_id
    where m.status = 'in_progress' and r.status <> 'requires_action'`)
  expect({ gaps, orphans, open }).toEqual({ gaps: [], orphans: [], open: [] })
}

test(
  `no request makes the server err, hang or contradict its own description (seed ${seed})`,
  { timeout: 0 },
  async () => {
    for (let done = 0; done < runs; done += batch) {
      const count = Math.min(batch, runs - done)
      await stock()
      const made = fc.sample(plans, { numRuns: count, seed: seed + done })
      await sendAll(made.map((plan) => () => sent(plan)).values())
      // A million requests must not be kept.
      server.model.requests.length = 0
      server.model.others.length = 0
      if (runs > 5000 && (done / batch) % 25 === 0) {
        console.log(
          `${done + count} of ${runs} requests, seed ${seed}: ${JSON.stringify(Object.fromEntries(statuses))}`,
        )
      }
    }
    await expectConsistent()
    takeExpectedComplaints()
    expect((await runToRest(await place())).status).toBe('completed')
    // Requests that were all refused, or all accepted, would prove little.
    const shares = ['2xx', '4xx'].map((group) => (statuses.get(group) ?? 0) / runs)
    expect(Math.min(...shares)).toBeGreaterThan(0.25)
  },
)

test(
  `bytes that are no request are answered like any bad request (seed ${seed})`,
  { timeout: 0 },
  async () => {
    const wires = fc.sample(brokenWire, { numRuns: Math.max(60, Math.floor(runs / 50)), seed })
    const broken = wires.map((wire) => (): Sent => {
      const [, method = '', path = ''] = /^([A-Z]+) (\S+)/.exec(wire) ?? []
      return { kind: 'broken', method, path, bytes: Buffer.from(wire, 'latin1') }
    })
    await sendAll(broken.values())
    takeExpectedComplaints()
    expect((await fetch(server.url.replace(/v1$/, 'healthz'))).status).toBe(200)
  },
)
