/** Streams, with the SDK's own helper and without. */
import assert from 'node:assert/strict'
import { answerIn, makeAssistant, makeThread, model, textOf } from './make.ts'
import type { Sdk } from './sdk.ts'
import type { Chapters } from './story.ts'

const told = 'one two three four five'
const tell = `slow 20\nsay ${told}`

export const streams: Chapters = {
  streams: async ({ openai, AssistantStream }) => {
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, tell)
    await eventsOfHelper(openai, thread, assistant_id)

    const raw = await openai.beta.threads.runs.create(thread, { assistant_id, stream: true })
    const names: string[] = []
    for await (const { event } of raw) names.push(event)
    assert.equal(names[0], 'thread.run.created')
    assert.equal(names.at(-1), 'thread.run.completed')

    // As a server that passes a stream on to a browser.
    const source = openai.beta.threads.runs.createAndStream(thread, { assistant_id })
    const copy = AssistantStream.fromReadableStream(source.toReadableStream())
    let text = ''
    copy.on('textDelta', ({ value }) => (text += value ?? ''))
    assert.equal((await copy.finalRun()).status, 'completed')
    assert.equal(text, told)
  },

  'thread-and-run': async ({ openai, calls }) => {
    const { threads } = openai.beta
    const assistant_id = await makeAssistant(openai)
    const body = { assistant_id, thread: { messages: [{ role: 'user' as const, content: tell }] } }
    const plain = await threads.createAndRun(body)
    assert.equal(plain.status, 'queued')
    assert.equal((await calls.pollRun(plain.thread_id, plain.id)).status, 'completed')
    const polled = await threads.createAndRunPoll(body)
    assert.equal(polled.status, 'completed')
    assert.equal(await answerIn(openai, polled.thread_id), told)
    const stream = threads.createAndRunStream(body)
    const names: string[] = []
    stream.on('event', ({ event }) => names.push(event))
    const final = await stream.finalRun()
    assert.equal(final.status, 'completed')
    assert.deepEqual(names.slice(0, 2), ['thread.created', 'thread.run.created'])
    const events: string[] = []
    for await (const { event } of await threads.createAndRun({ ...body, model, stream: true }))
      events.push(event)
    assert.equal(events.at(-1), 'thread.run.completed')
  },

  'hang-up': async ({ openai, calls }) => {
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, tell)
    const events = await openai.beta.threads.runs.create(thread, { assistant_id, stream: true })
    let run = ''
    for await (const one of events) {
      if (one.event === 'thread.run.created') run = one.data.id
      if (one.event === 'thread.message.delta') break
    }
    assert.equal((await calls.pollRun(thread, run)).status, 'completed')
    assert.equal(await answerIn(openai, thread), told)
    const helper = openai.beta.threads.runs.stream(thread, { assistant_id })
    helper.on('textDelta', () => helper.abort())
    await assert.rejects(helper.finalRun(), /abort/i)
    assert.equal((await calls.pollRun(thread, helper.currentRun()?.id ?? '')).status, 'completed')
  },

  'idle-streams': async ({ OpenAI }) => {
    const openai = new OpenAI({ baseURL: process.env.SPOOL_COMPAT_IDLE_URL ?? '' })
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, 'slow 1200\nsay one two three')
    const stream = openai.beta.threads.runs.stream(thread, { assistant_id })
    let text = ''
    stream.on('textDelta', ({ value }) => (text += value ?? ''))
    assert.equal((await stream.finalRun()).status, 'completed')
    assert.equal(text, 'one two three')
  },
}

/** Every event of the helper comes, in an order that makes sense, and adds up. */
async function eventsOfHelper(openai: Sdk['openai'], thread: string, assistant_id: string): Promise<void> {
  const stream = openai.beta.threads.runs.stream(thread, { assistant_id })
  const seen: string[] = []
  const deltas: string[] = []
  const note = (name: string) => () => {
    if (seen.at(-1) !== name) seen.push(name)
  }
  stream
    .on('connect', note('connect'))
    .on('runStepCreated', note('runStepCreated'))
    .on('messageCreated', note('messageCreated'))
    .on('textCreated', note('textCreated'))
    .on('textDelta', (delta, snapshot) => {
      deltas.push(delta.value ?? '')
      assert.equal(snapshot.value, deltas.join(''))
    })
    .on('textDone', note('textDone'))
    .on('messageDone', note('messageDone'))
    .on('runStepDone', note('runStepDone'))
    .on('end', note('end'))
  const [run, messages, steps] = await Promise.all([
    stream.finalRun(),
    stream.finalMessages(),
    stream.finalRunSteps(),
  ])
  await stream.done()
  assert.ok(deltas.length > 1, `the text came in ${deltas.length} piece`)
  assert.equal(deltas.join(''), told)
  assert.equal(run.status, 'completed')
  assert.ok(run.usage && run.usage.completion_tokens > 0)
  assert.deepEqual(messages.map(textOf), [told])
  assert.deepEqual(
    steps.map(({ type, status }) => `${type} ${status}`),
    ['message_creation completed'],
  )
  const order = 'connect runStepCreated messageCreated textCreated textDone messageDone runStepDone end'
  assert.equal(seen.join(' '), order)
}
