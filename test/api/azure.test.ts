/** Azure's clients, unmodified: only the endpoint changes. */
import { AzureOpenAI } from 'openai'
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

describe('AzureOpenAI', () => {
  const client = () =>
    new AzureOpenAI({
      endpoint: origin,
      apiKey: 'azure-key',
      apiVersion: '2024-05-01-preview',
      maxRetries: 0,
    })

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

test.each(['//openai/assistants', '/openai//v1//assistants', '/openai/', '/api//projects/p/assistants'])(
  '%s, as clients with a slash too many call it, is the same address',
  async (path) => expect((await call(path)).status).toBe(path === '/openai/' ? 404 : 200),
)

test.each([
  '/openaix/assistants',
  '/api/project/p/assistants',
  '/xopenai/assistants',
  '/v1/openai/assistants',
])('%s is not an address of Azure', async (path) => {
  const answer = await call(path)
  expect(answer.status).toBe(404)
  expect(await answer.json()).toMatchObject({ error: { message: `Invalid URL (GET ${path})` } })
})

describe('what Azure answers in its own words has its own envelope', () => {
  const denied =
    'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.'

  test.each<Record<string, string>>([{ 'api-key': 'wrong' }, { authorization: 'Bearer wrong' }, {}])(
    'a request with the headers %j',
    async (headers) => {
      const answer = await fetch(`${origin}/openai/assistants?api-version=v1`, { headers })
      expect(answer.status).toBe(401)
      expect(await answer.json()).toEqual({ error: { code: '401', message: denied } })
    },
  )

  test.each([
    '/openai/nothing',
    '/openai/files/a/b/c',
    '/api/projects/p/nothing',
    '/openai',
    '/openai/deployments/m',
    '/openai/deployments/%E0/embeddings',
  ])('the address %s', async (path) => {
    const answer = await call(path)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({ error: { code: '404', message: 'Resource not found' } })
  })

  test.each(['chat/completions', 'embeddings'])(
    '%s of a deployment that does not exist',
    async (operation) => {
      const other = await testServer({
        models: {
          providers: { one: { type: 'openai', base_url: 'http://127.0.0.1:9/v1' } },
          models: { known: 'one' },
        },
      })
      for (const name of ['no-such', 'no%2Fsuch']) {
        const answer = await ask(`${other.url.replace('/v1', '')}/openai/deployments/${name}/${operation}`)
        expect(answer.status).toBe(404)
        expect(await answer.json()).toEqual({
          error: {
            code: 'DeploymentNotFound',
            message:
              'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
          },
        })
      }
      await other.close()
    },
  )
})

const ask = (url: string, body: unknown = { messages: [{ role: 'user', content: 'Hi' }], input: 'Hi' }) =>
  fetch(`${url}?api-version=v1`, {
    method: 'POST',
    headers: { 'api-key': 'azure-key', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

test('a body that is no object is refused also where the path names the model', async () => {
  const answer = await ask(`${origin}/openai/deployments/m/chat/completions`, [1, 2])
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ error: { code: 'invalid_type' } })
})

test('a method that an address does not have is refused with the address of the client', async () => {
  const answer = await fetch(`${origin}/openai/assistants?api-version=v1`, {
    method: 'PUT',
    headers: { 'api-key': 'azure-key' },
  })
  expect(answer.status).toBe(405)
  expect(await answer.text()).toContain('Not allowed to PUT on /openai/assistants.')
})

test('other errors are those of /v1, with the key and the beta header checked there as before', async () => {
  const answer = await call('/openai/threads/thread_none?api-version=v1')
  const { error } = (await answer.json()) as { error: object }
  expect(error).toEqual({
    message: "No thread found with id 'thread_none'.",
    type: 'invalid_request_error',
    param: null,
    code: null,
  })
  expect(await (await call('/v1/assistants')).json()).toMatchObject({ error: { code: 'invalid_beta' } })
  const wrong = await call('/v1/assistants', { authorization: 'Bearer wrong' })
  expect(await wrong.json()).toMatchObject({ error: { code: 'invalid_api_key' } })
})

test.each([
  'bing_grounding',
  'azure_ai_search',
  'openapi',
  'connected_agent',
  'azure_function',
  'mcp',
  'fabric_dataagent',
  'sharepoint_grounding',
  'deep_research',
  'browser_automation',
  'bing_custom_search',
])('the tool %s, which only Azure has, is refused by its name', async (type) => {
  const answer = await fetch(`${origin}/openai/assistants?api-version=v1`, {
    method: 'POST',
    headers: { 'api-key': 'azure-key', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', tools: [{ type, [type]: {} }] }),
  })
  expect(answer.status).toBe(400)
  const { error } = (await answer.json()) as { error: { message: string } }
  expect(error.message).toBe(
    `Invalid value: '${type}'. Supported values are: 'code_interpreter', 'function', and 'file_search'.`,
  )
})
