import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { realModel } from './real-model.ts'

let server: TestServer
let assistant: string

beforeAll(async () => {
  server = await testServer({
    models: {
      providers: { smollm2: { type: 'local', ...realModel(), context_size: 2048 } },
      models: { '*': 'smollm2' },
    },
  })
  assistant = (await server.openai.beta.assistants.create({ model: 'gpt-4o', temperature: 0 })).id
})
afterAll(async () => {
  await server.close()
})

function ask(content: string, more: object = {}) {
  return server.openai.beta.threads.createAndRunStream({
    assistant_id: assistant,
    thread: { messages: [{ role: 'user', content }] },
    ...more,
  })
}

test('a real model answers a streamed thread and run, token by token, and is counted', async () => {
  const stream = ask('Say hello in five words.')
  const deltas: string[] = []
  stream.on('textDelta', (delta) => deltas.push(delta.value ?? ''))
  const run = await stream.finalRun()
  expect(run.status).toBe('completed')
  expect(deltas.length).toBeGreaterThan(1)
  const [message] = (await server.openai.beta.threads.messages.list(run.thread_id)).data
  expect(message?.content).toMatchObject([{ type: 'text', text: { value: deltas.join('') } }])
  expect(run.usage?.prompt_tokens).toBeGreaterThan(5)
  expect(run.usage?.completion_tokens).toBeGreaterThan(1)
})

test('max_completion_tokens cuts a long answer, and the run says so', async () => {
  const stream = ask('Tell me a long story about the sea.', { max_completion_tokens: 256 })
  const run = await stream.finalRun()
  expect(run.status).toBe('incomplete')
  expect(run.incomplete_details).toEqual({ reason: 'max_completion_tokens' })
  expect(run.usage?.completion_tokens).toBeLessThanOrEqual(257)
})

test('a cancel stops the generation', async () => {
  const stream = ask('Tell me a long story about the sea.')
  let deltas = 0
  let seenAtCancel = 0
  stream.on('textDelta', () => {
    deltas += 1
    const run = stream.currentRun()
    if (deltas !== 3 || !run) return
    void server.openai.beta.threads.runs.cancel(run.id, { thread_id: run.thread_id }).then(() => {
      seenAtCancel = deltas
    })
  })
  const run = await stream.finalRun()
  expect(run.status).toBe('cancelled')
  expect(deltas - seenAtCancel).toBeLessThanOrEqual(3)
})
