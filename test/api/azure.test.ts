/** Azure's clients, unmodified: only the endpoint changes. */
import { AzureOpenAI } from 'openai'
import { AzureOpenAI as AzureOpenAI7 } from 'openai-7'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { weatherTool } from '../harness/stories.ts'

let server: TestServer
let origin: string
beforeAll(async () => {
  server = await testServer({
    config: {
      keys: new Map([
        ['azure-key', 'mine'],
        ['test-key', 'default'],
      ]),
    },
  })
  origin = server.url.replace('/v1', '')
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

describe.each([
  ['openai 6', AzureOpenAI],
  ['openai 7', AzureOpenAI7 as unknown as typeof AzureOpenAI],
])('AzureOpenAI of %s', (_, Client) => {
  const client = () =>
    new Client({ endpoint: origin, apiKey: 'azure-key', apiVersion: '2024-05-01-preview', maxRetries: 0 })

  test('creates an assistant, runs it with a function, and streams', async () => {
    const azure = client()
    const assistant = await azure.beta.assistants.create({
      model: 'my-deployment',
      tools: [weatherTool as never],
    })
    server.model.script([
      { calls: [{ name: 'get_weather', arguments: '{"city":"Rome"}' }] },
      { text: ['Sun', 'ny'] },
    ])
    const thread = await azure.beta.threads.create({ messages: [{ role: 'user', content: 'Weather?' }] })
    const run = await azure.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
    const [call] = run.required_action?.submit_tool_outputs.tool_calls ?? []
    const stream = azure.beta.threads.runs.submitToolOutputsStream(run.id, {
      thread_id: thread.id,
      tool_outputs: [{ tool_call_id: call?.id ?? '', output: 'sunny' }],
    })
    expect((await stream.finalRun()).status).toBe('completed')
    const { data } = await azure.beta.threads.messages.list(thread.id)
    expect(data[0]?.content[0]).toMatchObject({ text: { value: 'Sunny' } })
    const file = await azure.files.create({ file: new File(['a'], 'a.txt'), purpose: 'assistants' })
    const store = await azure.vectorStores.create({ file_ids: [file.id] })
    expect((await azure.vectorStores.retrieve(store.id)).object).toBe('vector_store')
  })

  test('asks a deployment for a chat completion', async () => {
    server.model.script([{ text: 'Hello', expect: (body) => expect(body.model).toBe('my deployment') }])
    const { choices } = await client().chat.completions.create({
      model: 'my deployment',
      messages: [{ role: 'user', content: 'Hi' }],
    })
    expect(choices[0]?.message.content).toBe('Hello')
  })
})

const call = (path: string, headers: Record<string, string> = {}) =>
  fetch(origin + path, { headers: { authorization: 'Bearer azure-key', ...headers } })

test.each([
  '/api/projects/my-project/assistants?api-version=v1',
  '/api/projects/my-project/assistants?api-version=2025-05-01&limit=1',
  '/openai/assistants?api-version=2024-02-15-preview',
  '/openai/v1/assistants',
])('%s lists assistants without a beta header', async (path) => {
  const answer = await call(path)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ object: 'list' })
})

test('a wrong key and an unknown path are refused as on other paths', async () => {
  expect((await call('/openai/assistants', { authorization: '', 'api-key': 'wrong' })).status).toBe(401)
  expect((await call('/openai/nothing')).status).toBe(404)
  expect((await call('/v1/assistants')).status).toBe(400)
})

test('a tool that only Azure has is refused by its name', async () => {
  const answer = await fetch(`${origin}/openai/assistants?api-version=v1`, {
    method: 'POST',
    headers: { 'api-key': 'azure-key', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', tools: [{ type: 'bing_grounding' }] }),
  })
  expect(answer.status).toBe(400)
  const { error } = (await answer.json()) as { error: { message: string } }
  expect(error.message).toBe(
    "Invalid value: 'bing_grounding'. Supported values are: 'code_interpreter', 'function', and 'file_search'.",
  )
})
