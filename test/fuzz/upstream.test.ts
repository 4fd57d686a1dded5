/** Providers that send broken or hostile streams: the run ends cleanly with any input. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RunEvent } from '../../src/api/events.ts'
import { ModelFailure } from '../../src/models/port.ts'
import type { SentEvent } from '../harness/read-stream.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { stories, timeTool, weatherTool } from '../harness/stories.ts'
import { hostileAnswer, type HostileAnswer } from './hostile-answers.ts'
import { readLegally, type ReadStream } from './legal-order.ts'

/** How many answers are tried, and from which seed; `npm run fuzz` chooses others. */
const runs = Number(process.env['FUZZ_UPSTREAM_RUNS'] ?? 200)
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261)

let server: TestServer
let assistant: any
beforeAll(async () => {
  server = await testServer({ maxRetries: 0 })
  assistant = await newAssistant({ tools: [weatherTool, timeTool] })
})
afterAll(() => server.close())

const { newAssistant, newThread, get, messages, steps } = stories(() => server)

function readOrFail(events: SentEvent[]): ReadStream {
  for (const event of events) {
    if (event.event === 'done') continue
    const { success, error } = RunEvent.safeParse(event)
    if (!success) throw new Error(`no event of ours: ${JSON.stringify(event)} ${error.message}`)
  }
  const read = readLegally(events)
  if (read.complaint === undefined) return read
  const streamed = events.map(({ event, data }) => `${event} ${JSON.stringify(data).slice(0, 600)}`)
  throw new Error(`${read.complaint}\n${streamed.join('\n')}`)
}

/** A run that failed because of what the provider sent is no surprise; one that met an error of our own is. */
function expectOnlyModelFailures(): void {
  for (const { message, fields } of server.complaints.splice(0)) {
    const { error } = fields as { error?: unknown }
    if (message === 'a run failed' && error instanceof ModelFailure) continue
    throw new Error(`${message}: ${error instanceof Error ? error.stack : JSON.stringify(fields)}`)
  }
}

function expectSame(kept: unknown, streamed: unknown): void {
  if (isDeepStrictEqual(kept, streamed)) return
  throw new Error(`kept: ${JSON.stringify(kept)}\ntold: ${JSON.stringify(streamed)}`)
}

/** Streams a run whose provider answers so, answers its calls until it ends, and looks at what is left. */
async function play(answers: HostileAnswer[], parallel_tool_calls: boolean): Promise<string> {
  const { model } = server
  const left = answers.map(({ pieces, breaks }) => ({ raw: pieces, breaks }))
  model.whenever(() => left.shift() ?? { text: 'Done' })
  const thread = await newThread('Hello')
  const created: string[] = []
  const ended = new Map<string, any>()
  const keep = (read: ReadStream) => {
    created.push(...read.created)
    for (const [id, one] of [...read.messages, ...read.steps]) ended.set(id, one)
    return read.run
  }
  const path = `/threads/${thread.id}/runs`
  const settings = { assistant_id: assistant.id, parallel_tool_calls }
  let run = keep(readOrFail(await server.stream(path, settings)))
  while (run.status === 'requires_action') {
    const calls = run.required_action.submit_tool_outputs.tool_calls
    const tool_outputs = calls.map(({ id }: { id: string }) => ({ tool_call_id: id, output: 'sun' }))
    run = keep(readOrFail(await server.stream(`${path}/${run.id}/submit_tool_outputs`, { tool_outputs })))
  }
  // As the original: streams show tool resources in another form, and steps with the time they would expire at.
  expectSame({ ...(await get(`${path}/${run.id}`)), tool_resources: run.tool_resources }, run)
  const streamed = (kind: string) => created.filter((id) => id.startsWith(kind)).map((id) => ended.get(id))
  expectSame((await messages(thread, 'order=asc&limit=100')).data.slice(1), streamed('msg_'))
  const timeless = (all: any[]) => all.map((step) => ({ ...step, expires_at: null }))
  const kept = (await steps(run, 'order=asc&limit=100')).data
  expectSame(timeless(kept), timeless(streamed('step_')))
  const next = await server.request('POST', `/threads/${thread.id}/messages`, {
    role: 'user',
    content: 'And?',
  })
  expect(next.status).toBe(200)
  expectOnlyModelFailures()
  return run.status
}

const someAnswers = fc.array(hostileAnswer, { minLength: 1, maxLength: 3 })

test(`a run ends cleanly whatever its provider sends (seed ${seed})`, { timeout: 0 }, async () => {
  const seen = new Map<string, number>()
  let done = 0
  await fc.assert(
    fc.asyncProperty(someAnswers, fc.boolean(), async (answers, parallel) => {
      const status = await play(answers, parallel)
      seen.set(status, (seen.get(status) ?? 0) + 1)
      done += 1
      if (done % 1000 === 0) console.log(`${done} of ${runs} streams: ${JSON.stringify([...seen])}`)
      // Ten thousand requests of the model must not be kept.
      server.model.requests.length = 0
    }),
    { numRuns: runs, seed, reporter: reportReadably },
  )
  // Answers that all failed, or none, would prove little.
  expect([...seen.keys()]).toEqual(expect.arrayContaining(['completed', 'failed']))
})

/** The smallest answers that still go wrong, as text. */
function reportReadably(out: fc.RunDetails<[HostileAnswer[], boolean]>): void {
  if (!out.failed) return
  const shown = out.counterexample?.[0].map(({ pieces, breaks }) => ({
    pieces: pieces.map((piece) => piece.toString('utf8')),
    breaks,
  }))
  const { seed: of, counterexamplePath } = out
  const text = JSON.stringify(shown).slice(0, 20_000)
  throw new Error(`seed ${of}, path ${counterexamplePath}: ${text}\n${String(out.errorInstance)}`)
}
