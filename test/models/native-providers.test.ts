/**
 * Claude and Gemini through their own APIs: conversations with servers that refuse the same requests as the real ones.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anthropic, anthropicKey } from '../harness/native-upstreams/anthropic.ts'
import { nativeUpstream, type NativeUpstream } from '../harness/native-upstreams/base.ts'
import { gemini, geminiKey } from '../harness/native-upstreams/gemini.ts'
import { strictUpstream, type StrictUpstream } from '../harness/strict-upstreams/base.ts'
import { deepseek } from '../harness/strict-upstreams/deepseek.ts'
import { gemini as geminiCompatible } from '../harness/strict-upstreams/gemini.ts'
import { kimi } from '../harness/strict-upstreams/kimi.ts'
import { answerSchema, providerRuns, storeOfMoon } from '../harness/provider-runs.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { stories } from '../harness/stories.ts'

const upstreams: Record<string, NativeUpstream> = {}
const compatible: Record<string, StrictUpstream> = {}
let server: TestServer
let storeId: string

beforeAll(async () => {
  upstreams.claude = await nativeUpstream(anthropic)
  upstreams.gemini = await nativeUpstream(gemini)
  for (const provider of [deepseek, kimi, geminiCompatible]) {
    compatible[provider.name] = await strictUpstream(provider)
  }
  const strict = (name: string) => ({ type: 'openai' as const, base_url: compatible[name]?.url ?? '' })
  const claudeUrl = `${upstreams.claude.origin}/v1`
  server = await testServer({
    models: {
      providers: {
        claude: { type: 'anthropic', api_key: anthropicKey, base_url: claudeUrl },
        gemini: { type: 'google', api_key: geminiKey, base_url: `${upstreams.gemini.origin}/v1beta` },
        deepseek: strict('deepseek'),
        kimi: strict('kimi'),
        compatible: strict('gemini'),
        stranger: { type: 'anthropic', api_key: 'wrong-key-of-ours', base_url: claudeUrl },
        'gemini-stranger': {
          type: 'google',
          api_key: 'wrong-key-of-ours',
          base_url: `${upstreams.gemini.origin}/v1beta`,
        },
      },
      models: {
        claude: 'claude/claude-sonnet-4-5',
        gemini: 'gemini/gemini-3-pro',
        deepseek: 'deepseek',
        kimi: 'kimi',
        compatible: 'compatible/gemini',
        stranger: 'stranger/claude',
        'gemini-stranger': 'gemini-stranger/gemini-3.8-flash',
      },
    },
    config: { sandbox: { choice: 'auto', pythonPath: undefined, downloads: false } },
  })
  storeId = await storeOfMoon(server)
})
afterAll(async () => {
  server.complaints.splice(0)
  await server.close()
  for (const upstream of [...Object.values(upstreams), ...Object.values(compatible)]) await upstream.close()
})

const { post, get, newAssistant, newThread, rest, start, messages, steps } = stories(() => server)
const { runToEnd: runWith, answerOf } = providerRuns(() => server)
const runToEnd = (model: string, thread: any, fields: object = {}) =>
  runWith(model, thread, { instructions: 'Be brief.', ...fields })

const functionTool = (name: string) => ({
  type: 'function',
  function: {
    name,
    parameters: {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', exclusiveMinimum: 0 } },
      required: ['city'],
      additionalProperties: false,
    },
  },
})
const functions = [functionTool('get_weather'), functionTool('get_time')]
const response_format = { type: 'json_schema', json_schema: { name: 'out', schema: answerSchema } }

const say = (thread: any, content: string) =>
  post(`/threads/${thread.id}/messages`, { role: 'user', content })

describe.each(['claude', 'gemini'])('%s', (model) => {
  test('streams text with usage, and the answer does not contain its thoughts', async () => {
    const { id: assistant_id } = await newAssistant({ model })
    const events = await server.stream('/threads/runs', {
      assistant_id,
      thread: { messages: [{ role: 'user', content: 'Hello' }] },
    })
    const texts = events.filter(({ event }) => event === 'thread.message.delta')
    expect(texts.map(({ data }) => data.delta.content[0].text.value)).toEqual(['All ', 'done.'])
    const run = events.at(-2)?.data
    expect(run.usage.prompt_token_details.cached_tokens).toBe(4)
    expect(run.usage.completion_tokens).toBeGreaterThan(5)
    expect(JSON.stringify(events)).not.toContain('I think')
  })

  test('two parallel calls and then one, with text before each', async () => {
    const thread = await newThread('Please call get_weather and get_time then get_weather')
    const run = await runToEnd(model, thread, { tools: functions })
    const { data } = await steps(run)
    const rounds = data.filter((step: any) => step.type === 'tool_calls')
    expect(rounds.map((step: any) => step.step_details.tool_calls.length)).toEqual([2, 1])
    expect(JSON.parse(rounds[0].step_details.tool_calls[0].function.arguments)).toEqual({ city: 'Rome' })
    expect(await answerOf(thread)).toBe('All done.')
  })

  test('file_search and then code_interpreter, and a later run of the thread', async () => {
    const thread = await newThread('Please call file_search then code_interpreter')
    const run = await runToEnd(model, thread, {
      tools: [{ type: 'file_search' }, { type: 'code_interpreter' }],
      tool_resources: { file_search: { vector_store_ids: [storeId] } },
    })
    const { data } = await steps(run)
    const calls = data.flatMap((step: any) => step.step_details.tool_calls ?? [])
    expect(calls.map((call: any) => call.type)).toEqual(['file_search', 'code_interpreter'])
    expect(JSON.stringify(upstreams[model]?.accepted.at(-1))).toContain('made of rock')
    await say(thread, 'Now call get_time')
    await runToEnd(model, thread, { tools: functions })
    expect(await answerOf(thread)).toBe('All done.')
  })

  test('an answer by a schema', async () => {
    const thread = await newThread('Answer in the form.')
    await runToEnd(model, thread, { response_format })
    expect(JSON.parse(await answerOf(thread))).toEqual({ answer: 'done' })
  })

  test('a thread that the assistant began, and a run without a new message', async () => {
    const thread = await post('/threads', {
      messages: [
        { role: 'assistant', content: 'Welcome!' },
        { role: 'user', content: 'Hello' },
      ],
    })
    await runToEnd(model, thread)
    await runToEnd(model, thread)
    expect((await messages(thread)).data).toHaveLength(4)
  })

  test('an image that was uploaded is sent as data', async () => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    )
    const file = await server.openai.files.create({ file: new File([png], 'dot.png'), purpose: 'vision' })
    const content = [
      { type: 'text', text: 'What is it?' },
      { type: 'image_file', image_file: { file_id: file.id } },
    ]
    const thread = await post('/threads', { messages: [{ role: 'user', content }] })
    await runToEnd(model, thread)
    expect(JSON.stringify(upstreams[model]?.accepted.at(-1))).toContain(png.toString('base64'))
  })

  test('a request to a busy provider is retried, and one that stays busy fails the run as a rate limit', async () => {
    const busy = {
      status: 429,
      body: { error: { message: 'Too many requests' } },
      headers: { 'retry-after-ms': '1' },
    }
    upstreams[model]?.failures.push(busy)
    await runToEnd(model, await newThread('Hello'))
    for (let count = 0; count < 5; count += 1) upstreams[model]?.failures.push(busy)
    const assistant = await newAssistant({ model })
    const run = await rest(await start({ assistant, thread: await newThread('Hello') }))
    expect(run.last_error).toEqual({ code: 'rate_limit_exceeded', message: 'Too many requests' })
  })

  test('it was sent no field that it refuses', () => {
    expect(upstreams[model]?.refused.filter((text) => !/api.key/i.test(text))).toEqual([])
  })
})

const everyone = ['claude', 'gemini', 'deepseek', 'kimi', 'compatible']
const changes = everyone.flatMap((from) => everyone.map((to) => [from, to] as const))

test.each(changes)('a thread goes from %s to %s and back, calls and thoughts included', async (from, to) => {
  for (const upstream of Object.values(upstreams)) upstream.refused.splice(0)
  const thread = await post('/threads', {
    messages: [
      { role: 'assistant', content: 'Welcome!' },
      { role: 'user', content: 'Please call get_weather then get_time' },
    ],
  })
  await runToEnd(from, thread, { tools: functions })
  for (const model of [to, from]) {
    await say(thread, 'Once more: call get_time then get_weather')
    await runToEnd(model, thread, { tools: functions, reasoning_effort: 'high' })
    await say(thread, 'And in one message more.')
    await say(thread, 'Without a call.')
    await runToEnd(model, thread)
  }
  const refused = [upstreams.claude, upstreams.gemini].flatMap((one) => one?.refused ?? [])
  expect(refused.filter((text) => !/api.key/i.test(text))).toEqual([])
})

test.each(['stranger', 'gemini-stranger'])(
  'a wrong key ends the run with server_error, which names the provider %s, and neither key nor address',
  async (model) => {
    const assistant = await newAssistant({ model })
    const run = await rest(await start({ assistant, thread: await newThread('Hello') }))
    expect(run.last_error).toEqual({
      code: 'server_error',
      message: `The model's provider '${model}' refused the credentials that this server has for it.`,
    })
    const trace = await get(`/threads/${run.thread_id}/runs/${run.id}/trace`)
    expect(JSON.stringify(trace)).not.toMatch(/wrong-key-of-ours|127\.0\.0\.1/)
  },
)

test('the trace names settings that a provider cannot obey', async () => {
  const thread = await newThread('Hello')
  const assistant = await newAssistant({ model: 'gemini', tools: functions })
  const run = await rest(await start({ assistant, thread }, { parallel_tool_calls: false }))
  const { data } = await get(`/threads/${thread.id}/runs/${run.id}/trace`)
  expect(data).toContainEqual(
    expect.objectContaining({ kind: 'provider_warning', not_obeyed: ['parallel_tool_calls'] }),
  )
})

test('a package that is not installed is named with the command that installs it', async () => {
  const models = { providers: { far: { type: 'mistral' as const, api_key: 'x' } }, models: { '*': 'far' } }
  await expect(testServer({ models })).rejects.toThrow(
    'The provider "far" needs the package @ai-sdk/mistral: npm install @ai-sdk/mistral@3',
  )
})
