/** Functions: a run waits, the program answers, the run goes on. */
import assert from 'node:assert/strict'
import { answerIn, callsAsked, makeAssistant, makeThread, textOf } from './make.ts'
import type { Chapters } from './story.ts'

const ask = 'call get_weather {"city":"Paris"}'
const answer = 'get_weather answered: 21 degrees'

export const functions: Chapters = {
  functions: async ({ openai, calls }) => {
    const assistant_id = await makeAssistant(openai)
    const { runs } = openai.beta.threads
    const waiting = async () => {
      const thread = await makeThread(openai, ask)
      const run = await runs.createAndPoll(thread, { assistant_id })
      assert.equal(run.status, 'requires_action')
      assert.equal(run.required_action?.type, 'submit_tool_outputs')
      const [call] = callsAsked(run)
      assert.equal(call?.function.name, 'get_weather')
      assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Paris' })
      return { thread, run, body: { tool_outputs: [{ tool_call_id: call.id, output: '21 degrees' }] } }
    }

    const plain = await waiting()
    const resumed = await calls.submit(plain.thread, plain.run.id, plain.body)
    assert.equal(resumed.status, 'queued')
    assert.equal((await calls.pollRun(plain.thread, plain.run.id)).status, 'completed')
    assert.equal(await answerIn(openai, plain.thread), answer)

    const polled = await waiting()
    const done = await calls.submitAndPoll(polled.thread, polled.run.id, polled.body)
    assert.equal(done.status, 'completed')
    assert.equal(await answerIn(openai, polled.thread), answer)

    const raw = await waiting()
    const events: string[] = []
    const resumedStream = await calls.submitStreaming(raw.thread, raw.run.id, { ...raw.body, stream: true })
    for await (const { event } of resumedStream) events.push(event)
    assert.equal(events[0], 'thread.run.step.completed')
    assert.equal(events.at(-1), 'thread.run.completed')

    const thread = await makeThread(openai, ask)
    const first = runs.stream(thread, { assistant_id })
    const argumentsSeen: string[] = []
    let created = 0
    let finished = 0
    first.on('toolCallCreated', () => (created += 1))
    first.on('toolCallDelta', (delta) => {
      if (delta.type === 'function') argumentsSeen.push(delta.function?.arguments ?? '')
    })
    first.on('toolCallDone', () => (finished += 1))
    const asking = await first.finalRun()
    assert.equal(asking.status, 'requires_action')
    assert.deepEqual([created, finished], [1, 1])
    assert.equal(argumentsSeen.join(''), '{"city":"Paris"}')
    const [call] = callsAsked(asking)
    const second = calls.submitStream(thread, asking.id, {
      tool_outputs: [{ tool_call_id: call?.id ?? '', output: '21 degrees' }],
    })
    const [message] = await second.finalMessages()
    assert.equal(textOf(message), answer)
    assert.equal((await second.finalRun()).status, 'completed')
  },

  'parallel-functions': async ({ openai, calls }) => {
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, `${ask}\ncall get_weather {"city":"Oslo"}`)
    const stream = openai.beta.threads.runs.stream(thread, { assistant_id })
    const asking = await stream.finalRun()
    const asked = callsAsked(asking)
    assert.deepEqual(
      asked.map((call) => JSON.parse(call.function.arguments).city),
      ['Paris', 'Oslo'],
    )
    const steps = await stream.finalRunSteps()
    assert.equal(steps.length, 1)
    const half = [{ tool_call_id: asked[0]?.id ?? '', output: 'warm' }]
    await assert.rejects(calls.submit(thread, asking.id, { tool_outputs: half }), { status: 400 })
    const tool_outputs = asked.map((call, index) => ({
      tool_call_id: call.id,
      output: ['warm', 'cold'][index] ?? '',
    }))
    const done = await calls.submitAndPoll(thread, asking.id, { tool_outputs })
    assert.equal(done.status, 'completed')
    assert.equal(await answerIn(openai, thread), 'get_weather answered: warm\nget_weather answered: cold')
  },
}
