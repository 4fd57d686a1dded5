import { afterEach, beforeEach, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  await server.close()
})

test('a plain answer streams in the order of the live service', async () => {
  server.model.script([{ text: ['Hel', 'lo'] }])
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  const events = await server.stream('/threads/runs', {
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  })
  expect(events.map((one) => one.event)).toEqual([
    'thread.created',
    'thread.run.created',
    'thread.run.queued',
    'thread.run.in_progress',
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.message.created',
    'thread.message.in_progress',
    'thread.message.delta',
    'thread.message.delta',
    'thread.message.completed',
    'thread.run.step.completed',
    'thread.run.completed',
    'done',
  ])
})
