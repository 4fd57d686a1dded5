/** Assistants, threads, messages and lists. */
import assert from 'node:assert/strict'
import { answerIn, makeAssistant, makeThread, model, textOf, weather } from './make.ts'
import type { Chapters } from './story.ts'

export const objects: Chapters = {
  assistants: async ({ openai, calls }) => {
    const { assistants } = openai.beta
    const made = await assistants.create({
      model,
      name: 'Forecaster',
      description: 'Knows the weather.',
      instructions: 'Be brief.',
      tools: [weather],
      metadata: { team: 'compat' },
      temperature: 0.5,
    })
    assert.match(made.id, /^asst_/)
    assert.equal(made.object, 'assistant')
    assert.deepEqual(await assistants.retrieve(made.id), made)
    const changed = await assistants.update(made.id, { name: 'Oracle', metadata: { team: 'other' } })
    assert.equal(changed.name, 'Oracle')
    assert.deepEqual(changed.metadata, { team: 'other' })
    assert.equal(changed.instructions, 'Be brief.')
    const second = await makeAssistant(openai)
    const listed: string[] = []
    for await (const one of assistants.list({ limit: 1, order: 'asc' })) listed.push(one.id)
    assert.ok(listed.indexOf(made.id) >= 0 && listed.indexOf(made.id) < listed.indexOf(second))
    const deleted = await calls.deleteAssistant(made.id)
    assert.deepEqual({ ...deleted }, { id: made.id, object: 'assistant.deleted', deleted: true })
  },

  threads: async ({ openai, calls }) => {
    const { threads } = openai.beta
    const empty = await threads.create()
    assert.match(empty.id, /^thread_/)
    const made = await threads.create({
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: [{ type: 'text', text: 'Hi' }] },
      ],
      metadata: { topic: 'greeting' },
    })
    assert.equal(await answerIn(openai, made.id), 'Hi')
    const { tool_resources, ...found } = await threads.retrieve(made.id)
    assert.deepEqual({ ...found, tool_resources: made.tool_resources }, made)
    assert.deepEqual(tool_resources, { code_interpreter: { file_ids: [] } })
    const changed = await threads.update(made.id, { metadata: { topic: 'farewell' } })
    assert.deepEqual(changed.metadata, { topic: 'farewell' })
    assert.equal((await calls.deleteThread(made.id)).deleted, true)
    await assert.rejects(threads.retrieve(made.id), { status: 404 })
  },

  messages: async ({ openai, calls }) => {
    const { messages } = openai.beta.threads
    const thread = await makeThread(openai, 'first')
    const made = await messages.create(thread, { role: 'user', content: 'second', metadata: { n: '2' } })
    assert.match(made.id, /^msg_/)
    assert.equal(textOf(made), 'second')
    assert.deepEqual(await calls.retrieveMessage(thread, made.id), made)
    const changed = await calls.updateMessage(thread, made.id, { metadata: { n: 'two' } })
    assert.deepEqual(changed.metadata, { n: 'two' })
    const page = await messages.list(thread)
    assert.deepEqual(page.data.map(textOf), ['second', 'first'])
    assert.equal((await calls.deleteMessage(thread, made.id)).deleted, true)
    await assert.rejects(calls.retrieveMessage(thread, made.id), { status: 404 })
  },

  lists: async ({ openai }) => {
    const { messages } = openai.beta.threads
    const words = Array.from({ length: 45 }, (_, index) => `message ${index}`)
    const { id } = await openai.beta.threads.create({
      messages: words.slice(0, 30).map((content) => ({ role: 'user' as const, content })),
    })
    for (const content of words.slice(30)) await messages.create(id, { role: 'user', content })
    const all: string[] = []
    for await (const message of messages.list(id, { limit: 20, order: 'asc' })) all.push(textOf(message))
    assert.deepEqual(all, words)
    const sizes: number[] = []
    for await (const page of (await messages.list(id, { limit: 20 })).iterPages())
      sizes.push(page.data.length)
    assert.deepEqual(sizes, [20, 20, 5])
    const first = await messages.list(id, { limit: 20 })
    assert.equal(first.hasNextPage(), true)
    assert.equal(textOf((await first.getNextPage()).data[0]), 'message 24')
    const before = await messages.list(id, { before: first.data[3]?.id ?? '', limit: 100 })
    assert.deepEqual(before.data.map(textOf), ['message 44', 'message 43', 'message 42'])
  },
}
