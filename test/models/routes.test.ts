/** Routes of model names: replacements of retired names, providers that are tried in order, and limits of models. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { retiredModels } from '../../src/models/retired-models.ts'
import { anthropic, anthropicKey } from '../harness/native-upstreams/anthropic.ts'
import { nativeUpstream, type NativeUpstream } from '../harness/native-upstreams/base.ts'
import { scriptedModel, type ScriptedModel } from '../harness/scripted-model.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { stories, weatherTool } from '../harness/stories.ts'

let server: TestServer
let first: ScriptedModel
let second: ScriptedModel
let claude: NativeUpstream

beforeAll(async () => {
  first = await scriptedModel()
  second = await scriptedModel()
  claude = await nativeUpstream(anthropic)
  const closed = await scriptedModel()
  await closed.close()
  const plain = (base_url: string) => ({ type: 'openai' as const, base_url, max_retries: 0 })
  const base_url = `${claude.origin}/v1`
  server = await testServer({
    models: {
      providers: {
        first: plain(first.url),
        second: plain(second.url),
        third: plain(first.url),
        fourth: plain(first.url),
        gone: plain(closed.url),
        claude: { type: 'anthropic', api_key: anthropicKey, base_url, max_retries: 0 },
      },
      models: {
        '*': 'first',
        'gpt-4-0314': 'first',
        pair: ['third/one', 'second/two'],
        steady: ['first/one', 'second/two'],
        'busy-pair': ['fourth/one', 'second/two'],
        'gone-pair': ['gone/one', 'second/two'],
        'gone-claude': ['gone/one', 'claude/claude-sonnet-5'],
        'gone-small': ['gone/one', 'second/tiny', 'second/two'],
        'gone-all': ['gone/one', 'gone/two'],
        'claude-*': 'claude',
      },
      model_facts: {
        'blind-*': { vision: false, tools: false, json_schema: false, output_tokens: 300 },
        tiny: { context_window: 256 },
      },
      retired_models: { 'gpt-4-32k-0314': false, 'ours-1': 'ours-2' },
    },
  })
})
afterEach(() => {
  first.verify()
  second.verify()
  first.requests.splice(0)
  second.requests.splice(0)
  claude.accepted.splice(0)
  server.complaints.splice(0)
})
afterAll(async () => {
  await server.close()
  for (const upstream of [first, second, claude]) await upstream.close()
})

const { post, get, newAssistant, newThread, start, rest } = stories(() => server)

async function run(model: string, fields: object = {}, thread?: any): Promise<any> {
  const assistant = await newAssistant({ model, ...fields })
  return rest(await start({ assistant, thread: thread ?? (await newThread('Hello')) }))
}
async function traceOf(one: any): Promise<any> {
  return get(`/threads/${one.thread_id}/runs/${one.id}/trace`)
}
const unknownModel = {
  status: 404,
  body: {
    error: { message: 'The model does not exist or you do not have access to it.', code: 'model_not_found' },
  },
}
const busy = { status: 503, body: { error: { message: 'overloaded' } } }

describe('a retired name', () => {
  test('is replaced by its successor when a provider no longer knows it, and the object keeps the name', async () => {
    first.script([
      { ...unknownModel, expect: ({ model }) => expect(model).toBe('gpt-4-1106-preview') },
      { text: 'ok', expect: ({ model }) => expect(model).toBe('gpt-5.6-sol') },
    ])
    const one = await run('gpt-4-1106-preview')
    expect(one).toMatchObject({ status: 'completed', model: 'gpt-4-1106-preview' })
    expect((await traceOf(one)).data).toContainEqual(
      expect.objectContaining({
        kind: 'model_replaced',
        retired: 'gpt-4-1106-preview',
        model: 'gpt-5.6-sol',
      }),
    )
    first.script([{ text: 'ok', expect: ({ model }) => expect(model).toBe('gpt-5.6-sol') }])
    const assistant = await newAssistant({ model: 'gpt-4-1106-preview' })
    const thread = { messages: [{ role: 'user', content: 'Hi' }] }
    const answer = await server.request('POST', '/threads/runs', { assistant_id: assistant.id, thread })
    expect(answer.headers.get('spool-model')).toBe('first/gpt-5.6-sol')
    await rest(answer.body)
  })

  test('is sent unchanged when a server knows it, and when the settings or the map keep it', async () => {
    first.whenever(({ model }) => (model === 'gpt-3.5-turbo' ? { text: 'ok' } : unknownModel))
    expect((await run('gpt-3.5-turbo')).status).toBe('completed')
    expect((await run('gpt-4-32k-0314')).last_error).toMatchObject({ code: 'invalid_prompt' })
    await run('gpt-4-0314')
    const asked = first.requests.map(({ body }) => body.model)
    expect(asked).toEqual(['gpt-3.5-turbo', 'gpt-4-32k-0314', 'gpt-4-0314'])
    first.whenever(undefined)
  })

  test('whose replacement is unknown, too, fails with the first refusal', async () => {
    first.script([unknownModel, unknownModel])
    expect((await run('gpt-4-0613')).last_error.message).toMatch(/does not exist or you do not have access/)
  })

  test('is replaced before the call to the provider that retired it, and when the settings replace it', async () => {
    const one = await run('claude-3-opus-20240229')
    expect(one).toMatchObject({ status: 'completed', model: 'claude-3-opus-20240229' })
    expect(claude.accepted.map(({ model }) => model)).toEqual(['claude-opus-4-8'])
    first.script([{ text: 'ok', expect: ({ model }) => expect(model).toBe('ours-2') }])
    expect((await run('ours-1')).status).toBe('completed')
  })

  test('is replaced from its date on, and a replacement that is retired is replaced as well', () => {
    const on = (day: string) => retiredModels({}, () => day)
    expect(on('2026-10-22').replacementOf('openai', 'gpt-4')).toBeUndefined()
    expect(on('2026-10-23').replacementOf('openai', 'gpt-4')).toBe('gpt-5.6-sol')
    expect(on('2026-11-28').replacementOf('openai', 'gpt-4-32k-0613')).toBe('gpt-4o')
    expect(on('2027-01-14').replacementOf('openai', 'gpt-4-32k-0613')).toBe('gpt-6-luna')
    expect(on('2026-11-28').replacementOf('google', 'gemini-1.5-flash-8b-001')).toBe('gemini-2.5-flash-lite')
    expect(on('2027-01-01').replacementOf('openai', 'gpt-5.6-sol')).toBeUndefined()
    const off = retiredModels({ retired_models: { '*': false } }, () => '2027-01-14')
    expect(off.replacementOf('openai', 'gpt-4')).toBeUndefined()
  })

  test('without a route uses the route of its replacement; others are named in the log', async () => {
    const { providers } = server.config.models
    const other = { providers, models: { 'gpt-5.6-*': 'first' } }
    await newAssistant({ model: 'gpt-4-turbo' })
    await newAssistant({ model: 'nobody-has-this' })
    await server.sibling({ models: other, roles: new Set(['api']) })
    const lines = server.complaints.filter(({ message }) => /lead to no model/.test(message))
    expect(lines).toHaveLength(1)
    expect(JSON.stringify(lines)).toContain('nobody-has-this (1 assistant)')
    expect(JSON.stringify(lines)).not.toContain('gpt-4-turbo')
  })
})

describe('a route with several targets', () => {
  test('goes to the next one after a lost connection, and trace and log show it', async () => {
    second.script([{ text: 'ok', expect: ({ model }) => expect(model).toBe('two') }])
    const one = await run('gone-pair')
    expect(one.status).toBe('completed')
    expect((await traceOf(one)).data).toContainEqual(
      expect.objectContaining({ kind: 'fallback', failed: 'gone/one', provider: 'second', model: 'two' }),
    )
    const asked = async () =>
      (await traceOf(one)).work.find(({ kind }: any) => kind === 'model_request')?.provider
    await expect.poll(asked).toBe('second')
    expect(server.complaints.map(({ fields }) => fields)).toContainEqual(
      expect.objectContaining({ failed: 'gone/one', next: 'second/two' }),
    )
  })

  test.each([429, 500, 503])('goes to the next one after status %i', async (status) => {
    first.whenever(() => ({ status, body: { error: { message: 'busy' } } }))
    second.script([{ text: 'ok' }])
    expect((await run('pair')).status).toBe('completed')
    first.whenever(undefined)
  })

  test('asks a provider that failed a short time ago last', async () => {
    second.script([{ text: 'ok' }])
    const { data } = await traceOf(await run('gone-pair'))
    expect(data).toContainEqual(
      expect.objectContaining({ kind: 'fallback', failed: 'gone/one', reason: 'it failed a short time ago' }),
    )
  })

  test('does not go to the next one when a request was refused or the answer had begun', async () => {
    first.script([
      { status: 400, body: { error: { message: 'too hot' } } },
      { text: 'Well', cut: true },
    ])
    expect((await run('steady')).last_error).toEqual({ code: 'invalid_prompt', message: 'too hot' })
    expect((await run('steady')).last_error).toMatchObject({ code: 'server_error' })
  })

  test('skips a target whose context is too small, and fails as the first did when none answers', async () => {
    second.script([{ text: 'ok', expect: ({ model }) => expect(model).toBe('two') }])
    const long = await newThread('word '.repeat(400))
    expect((await run('gone-small', {}, long)).status).toBe('completed')
    expect((await run('gone-all')).last_error).toMatchObject({ code: 'server_error' })
  })

  test('reports why the first one failed when the next one refuses the request', async () => {
    first.script([{ status: 429, body: { error: { message: 'Busy.', code: 'rate_limit_exceeded' } } }])
    second.script([{ status: 400, body: { error: { message: 'I cannot do that.' } } }])
    const { last_error } = await run('busy-pair')
    expect(last_error).toEqual({ code: 'rate_limit_exceeded', message: 'Busy.' })
  })

  test('sends the thoughts of a fallback back to this fallback in the next turn', async () => {
    const thread = await newThread('Please call get_weather')
    let one = await run('gone-claude', { tools: [weatherTool] }, thread)
    expect(one.status).toBe('requires_action')
    const [call] = one.required_action.submit_tool_outputs.tool_calls
    await post(`/threads/${thread.id}/runs/${one.id}/submit_tool_outputs`, {
      tool_outputs: [{ tool_call_id: call.id, output: 'sunny' }],
    })
    one = await rest(one)
    expect(one.status).toBe('completed')
    expect(claude.refused).toEqual([])
    expect(JSON.stringify(claude.accepted[1])).toContain('signature-0')
  })

  test('is used by the pass-through as well, and never for embeddings', async () => {
    second.script([{ text: 'ok', expect: ({ model }) => expect(model).toBe('two') }])
    const body = { model: 'gone-pair', messages: [{ role: 'user', content: 'Hi' }] }
    expect((await server.request('POST', '/chat/completions', body)).status).toBe(200)
    const embeddings = await server.request('POST', '/embeddings', { model: 'gone-pair', input: 'Hi' })
    expect(embeddings.status).toBe(503)
  })
})

test('/readyz shows the result of the latest call to each provider, and stays ready', async () => {
  first.script([busy])
  await run('anything')
  await run('gone-all')
  const response = await fetch(server.url.replace('/v1', '/readyz'))
  const { ready, model }: any = await response.json()
  expect({ status: response.status, ready }).toEqual({ status: 200, ready: true })
  expect(model.providers).toEqual(
    expect.arrayContaining([
      { provider: 'first', status: 'down', reason: 'HTTP 503', checked_at: expect.any(Number) },
      { provider: 'gone', status: 'down', reason: 'ECONNREFUSED', checked_at: expect.any(Number) },
    ]),
  )
  const before = first.requests.length + first.others.length
  await fetch(server.url.replace('/v1', '/readyz'))
  expect(first.requests.length + first.others.length).toBe(before)
})

describe('a model that cannot do something', () => {
  const image = {
    role: 'user',
    content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }],
  }

  test.each([
    [
      'tools',
      { tools: [weatherTool] },
      /'blind-1' of the provider 'first' does not support function calling/,
    ],
    [
      'json_schema',
      { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } } },
      /'blind-1' of the provider 'first' does not answer by a JSON schema/,
    ],
  ])('is known by its facts: %s', async (_ability, fields, message) => {
    const { last_error } = await run('blind-1', fields)
    expect(last_error).toEqual({ code: 'invalid_prompt', message: expect.stringMatching(message) })
    expect(first.requests).toEqual([])
  })

  test('is known by its facts: images are refused, and no answer beyond its limit is requested', async () => {
    const thread = await post('/threads', { messages: [image] })
    expect((await run('blind-1', {}, thread)).last_error.message).toMatch(/'blind-1'.* does not read images/)
    first.script([{ text: 'ok', expect: ({ max_tokens }) => expect(max_tokens).toBe(300) }])
    const assistant = await newAssistant({ model: 'blind-1' })
    const one = await rest(
      await start({ assistant, thread: await newThread('Hi') }, { max_completion_tokens: 5000 }),
    )
    expect((await traceOf(one)).data).toContainEqual(
      expect.objectContaining({ kind: 'output_limited', max_completion_tokens: 300 }),
    )
  })

  test.each([
    [400, 'registry.ollama.ai/library/gemma2:2b does not support tools'],
    [400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'],
    [404, 'No endpoints found that support tool use.'],
    [400, 'Function calling is not enabled for models/gemma-3-27b-it'],
    [501, 'tools param requires --jinja flag'],
  ])('is named when the server answers %i: %s', async (status, message) => {
    first.script([{ status, body: { error: { message } } }])
    const { last_error } = await run('gemma-2', { tools: [weatherTool] })
    expect(last_error.code).toBe('invalid_prompt')
    expect(last_error.message).toMatch(
      /^The model 'gemma-2' of the provider 'first' does not support function/,
    )
  })

  test.each([
    [400, 'gemma-2 is not a multimodal model'],
    [404, 'No endpoints found that support image input'],
    [400, 'Failed to deserialize: unknown variant `image_url`, expected `text`'],
  ])('is named when the server answers %i: %s', async (status, message) => {
    first.script([{ status, body: { error: { message } } }])
    const { last_error } = await run('gemma-2', {}, await post('/threads', { messages: [image] }))
    expect(last_error.message).toMatch(/^The model 'gemma-2' of the provider 'first' does not read images/)
  })

  test('other refusals that mention tools keep the message of the server', async () => {
    const message = "Invalid schema for function 'get_weather': 'city' is not of type 'array'."
    first.script([{ status: 400, body: { error: { message } } }])
    expect((await run('gemma-2', { tools: [weatherTool] })).last_error.message).toBe(message)
  })
})
