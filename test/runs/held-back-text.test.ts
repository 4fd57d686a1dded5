/** A run that ends early shows all text that its model has sent, also text that was held back until more arrived. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { replayLog } from '../harness/replay-log.ts'
import { requestStream, streamEvents, type SentEvent } from '../harness/read-stream.ts'
import type { ScriptedStep } from '../harness/scripted-model.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { gate, stories, timeTool } from '../harness/stories.ts'

let server: TestServer
let searching: any
let calling: any
const { post, newAssistant, messages, steps, rest } = stories(() => server)

beforeAll(async () => {
  server = await testServer({ maxRetries: 0 })
  server.allowComplaints(/^a run failed$/)
  const { openai } = server
  const file = new File(['The favorite food of Filip is cake.'], 'food.txt')
  const store = await openai.vectorStores.create({})
  await openai.vectorStores.files.uploadAndPoll(store.id, file, { pollIntervalMs: 20 })
  searching = await newAssistant({
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  calling = await newAssistant({ tools: [timeTool] })
})
afterAll(() => server.close())

/** Runs the steps and calls `act` when the last of them has shown its first delta. Returns all that a client can see. */
async function play(assistant: any, script: ScriptedStep[], act: (run: any) => unknown) {
  server.model.script(script)
  const body = { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hello' }] } }
  const events: SentEvent[] = []
  let hasActed = false
  for await (const event of streamEvents(await requestStream(`${server.url}/threads/runs`, body))) {
    events.push(event)
    const isDelta = event.event === 'thread.message.delta' || event.data?.delta?.step_details !== undefined
    const isLast = server.model.requests.length === script.length
    if (hasActed || !isDelta || !isLast) continue
    hasActed = true
    await act(events.find((one) => one.event === 'thread.run.created')?.data)
  }
  server.model.verify()
  const run = events.at(-2)?.data
  const replayed = replayLog(events, [])
  const own = (await messages({ id: run.thread_id })).data.filter((one: any) => one.run_id === run.id)
  expect([...replayed.messages.values()]).toEqual(own)
  const shown = (await steps(run)).data
  // The steps of an ended run have no time of expiry.
  const ofLog = [...replayed.steps.values()].map((step, at) => ({
    ...step,
    expires_at: shown[at]?.expires_at,
  }))
  expect(ofLog).toEqual(shown)
  return { last: own.at(-1), events }
}

const cancel = (run: any) => post(`/threads/${run.thread_id}/runs/${run.id}/cancel`)

type Early = [string, Partial<ScriptedStep>, (run: any, open: () => void) => unknown, object]
const ends: Early[] = [
  ['is cancelled', {}, cancel, { reason: 'run_cancelled' }],
  ['expires', {}, () => server.clock.advance(600), { reason: 'run_expired' }],
  ['fails with its provider', { cut: true }, (_, open) => open(), { reason: 'run_failed' }],
  ['has no tokens left', { finish_reason: 'length' }, (_, open) => open(), { reason: 'max_tokens' }],
]

const search = { calls: [{ name: 'file_search', arguments: '{"queries":["food"]}' }] }

/** A search and an answer with the beginning of the mark of its passage, which `mark` returns after the run. */
function beginMark(more: Partial<ScriptedStep>): { script: ScriptedStep[]; mark: () => string } {
  let mark = ''
  const text: string[] = []
  const expectBody = (body: any) => {
    mark = /【\d+:\d+†food/.exec(body.messages.at(-1).content)?.[0] ?? 'no mark'
    text.push(`Cake${mark}`)
  }
  return { script: [search, { ...more, text, expect: expectBody } as ScriptedStep], mark: () => mark }
}

test.for(ends)(
  'the beginning of a mark is shown when the run %s',
  async ([, end, act, incomplete_details]) => {
    const held = gate()
    const { script, mark } = beginMark({ hold: held.promise, ...end })
    const { last, events } = await play(searching, script, (run) => act(run, held.open))
    held.open()
    expect(last).toMatchObject({ status: 'incomplete', incomplete_details })
    expect(last.content).toEqual([{ type: 'text', text: { value: `Cake${mark()}`, annotations: [] } }])
    const deltas = events.filter(({ event }) => event === 'thread.message.delta')
    expect(deltas.map(({ data }) => data.delta.content[0].text.value)).toEqual(['Cake', mark()])
  },
)

test('the beginning of a mark is shown before a refusal that follows it', async () => {
  const { script, mark } = beginMark({ refusal: 'No more.' })
  const { last } = await play(searching, script, () => {})
  expect(last.content).toEqual([
    { type: 'text', text: { value: `Cake${mark()}`, annotations: [] } },
    { type: 'refusal', refusal: 'No more.' },
  ])
})

const frame = (delta: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
const call = { index: 0, id: 'call_1', function: { name: 'get_time', arguments: '{}' } }
const late = frame({ tool_calls: [call] }) + frame({ content: 'One moment.' })

test.for([
  ['is cancelled', { raw: [late] }, cancel, 'incomplete'],
  ['expires', { raw: [late] }, () => server.clock.advance(600), 'incomplete'],
  ['fails with its provider', { raw: [late], breaks: true }, (_, open) => open(), 'incomplete'],
  ['has no tokens left', { raw: [late, frame({}, 'length')] }, (_, open) => open(), 'completed'],
] as [string, ScriptedStep, Early[2], string][])(
  'text after a call is shown when the run %s',
  async ([, answer, act, status]) => {
    const held = gate()
    const { last } = await play(calling, [{ ...answer, hold: held.promise }], (created) =>
      act(created, held.open),
    )
    held.open()
    expect(last).toMatchObject({ status, content: [{ text: { value: 'One moment.' } }] })
  },
)

test('text stays held back when the server stops, because another process asks the model again', async () => {
  const held = gate()
  const other = await server.sibling()
  const { script, mark } = beginMark({ hold: held.promise })
  server.model.script([...script, { text: 'Cake.' }])
  const body = { assistant_id: searching.id, thread: { messages: [{ role: 'user', content: 'Hello' }] } }
  const events: SentEvent[] = []
  let closing: Promise<void> | undefined
  for await (const event of streamEvents(await requestStream(`${other.url}/v1/threads/runs`, body))) {
    events.push(event)
    if (event.event === 'thread.message.delta') closing ??= other.close()
  }
  await closing
  held.open()
  // The stream may also have the beginning of the repeated answer.
  expect(JSON.stringify(events)).not.toContain(mark())
  const run = await rest(events[1]?.data)
  expect(run.status).toBe('completed')
  const own = (await messages({ id: run.thread_id })).data.filter((one: any) => one.run_id === run.id)
  expect(own).toMatchObject([{ status: 'completed', content: [{ text: { value: 'Cake.' } }] }])
})
