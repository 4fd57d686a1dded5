/** Runs: created, polled, cancelled, failed. */
import assert from 'node:assert/strict'
import { answerIn, callsAsked, makeAssistant, makeThread, textOf } from './make.ts'
import type { Chapters } from './story.ts'

export const runs: Chapters = {
  runs: async ({ openai, calls }) => {
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, 'say It is sunny.')
    const made = await openai.beta.threads.runs.create(thread, {
      assistant_id,
      instructions: 'Answer at once.',
      additional_messages: [{ role: 'user', content: 'say It is raining.' }],
      metadata: { n: '1' },
    })
    assert.match(made.id, /^run_/)
    assert.equal(made.status, 'queued')
    const done = await calls.pollRun(thread, made.id)
    assert.equal(done.status, 'completed')
    assert.equal(done.instructions, 'Answer at once.')
    assert.ok(done.usage && done.usage.completion_tokens > 0)
    assert.equal(done.usage.total_tokens, done.usage.prompt_tokens + done.usage.completion_tokens)
    assert.equal(await answerIn(openai, thread), 'It is raining.')
    const changed = await calls.updateRun(thread, made.id, { metadata: { n: '2' } })
    assert.deepEqual(changed.metadata, { n: '2' })
    assert.deepEqual(await calls.retrieveRun(thread, made.id), changed)
    const { id } = await openai.beta.threads.runs.create(thread, { assistant_id })
    await calls.pollRun(thread, id)
    const listed: string[] = []
    for await (const run of openai.beta.threads.runs.list(thread, { limit: 1 })) listed.push(run.id)
    assert.deepEqual(listed, [id, made.id])
    const own = await openai.beta.threads.messages.list(thread, { run_id: made.id })
    assert.deepEqual(own.data.map(textOf), ['It is raining.'])
  },

  polling: async ({ openai, calls }) => {
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, 'slow 60\nsay one two three four five six')
    const run = await openai.beta.threads.runs.createAndPoll(thread, { assistant_id })
    assert.equal(run.status, 'completed')
    assert.equal(await answerIn(openai, thread), 'one two three four five six')
    const quick = await openai.beta.threads.runs.createAndPoll(
      thread,
      { assistant_id },
      { pollIntervalMs: 50 },
    )
    assert.equal(quick.status, 'completed')
    await openai.beta.threads.messages.create(thread, { role: 'user', content: 'call get_weather {}' })
    const asking = await openai.beta.threads.runs.createAndPoll(thread, { assistant_id })
    assert.equal(asking.status, 'requires_action')
    assert.equal(callsAsked(asking).length, 1)
    await calls.cancelRun(thread, asking.id)
    assert.equal((await calls.pollRun(thread, asking.id)).status, 'cancelled')
  },

  steps: async ({ openai, calls }) => {
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, 'call get_weather {"city":"Rome"}\nsay Warm.')
    const asking = await openai.beta.threads.runs.createAndPoll(thread, { assistant_id })
    const tool_outputs = callsAsked(asking).map(({ id }) => ({ tool_call_id: id, output: '30' }))
    await calls.submitAndPoll(thread, asking.id, { tool_outputs })
    const seen: string[] = []
    for await (const step of calls.listSteps(thread, asking.id, { limit: 1, order: 'asc' }))
      seen.push(step.type)
    assert.deepEqual(seen, ['tool_calls', 'message_creation'])
    const { data } = await calls.listSteps(thread, asking.id, { order: 'asc' })
    const [step] = data
    assert.ok(step?.step_details.type === 'tool_calls')
    const [call] = step.step_details.tool_calls
    assert.ok(call?.type === 'function')
    assert.equal(call.function.output, '30')
    assert.equal(step.status, 'completed')
    assert.deepEqual(await calls.retrieveStep(thread, asking.id, step.id), step)
  },

  cancel: async ({ openai, calls }) => {
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, 'slow 500\nsay a b c d e f g h i j k l m n o p q r s t u v w')
    const run = await openai.beta.threads.runs.create(thread, { assistant_id })
    assert.equal((await calls.cancelRun(thread, run.id)).status, 'cancelling')
    assert.equal((await calls.pollRun(thread, run.id)).status, 'cancelled')
    await assert.rejects(calls.cancelRun(thread, run.id), { status: 400 })

    const stream = openai.beta.threads.runs.stream(thread, { assistant_id })
    let cancelled: Promise<unknown> | undefined
    stream.on('textDelta', () => {
      cancelled ??= calls.cancelRun(thread, stream.currentRun()?.id ?? '')
    })
    const final = await stream.finalRun()
    await cancelled
    assert.equal(final.status, 'cancelled')
    await openai.beta.threads.messages.create(thread, { role: 'user', content: 'say free again' })
  },

  endings: async ({ openai, version }) => {
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, 'say So far\nfail rate_limit_exceeded')
    const failed = await openai.beta.threads.runs.createAndPoll(thread, { assistant_id })
    assert.equal(failed.status, 'failed')
    assert.equal(failed.last_error?.code, 'rate_limit_exceeded')
    const streamed = await openai.beta.threads.runs.stream(thread, { assistant_id }).finalRun()
    assert.equal(streamed.status, 'failed')
    assert.equal(streamed.last_error?.code, 'rate_limit_exceeded')
    const long = await makeThread(openai, `say ${'word '.repeat(400)}`)
    const limits = { assistant_id, max_completion_tokens: 256 }
    const cut = await openai.beta.threads.runs.createAndPoll(long, limits)
    assert.equal(cut.status, 'incomplete')
    assert.equal(cut.incomplete_details?.reason, 'max_completion_tokens')
    const { data } = await openai.beta.threads.messages.list(long, { run_id: cut.id })
    assert.equal(data[0]?.status, 'incomplete')
    const cutStream = openai.beta.threads.runs.stream(long, limits)
    // The helper of version 4 does not know that a stream can end like this.
    if (version.startsWith('4.'))
      await assert.rejects(cutStream.finalRun(), /Final run has not been received/)
    else assert.equal((await cutStream.finalRun()).status, 'incomplete')
    assert.equal(cutStream.currentRun()?.status, 'incomplete')
  },
}
