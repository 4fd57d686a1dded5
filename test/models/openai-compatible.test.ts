import { createServer, type AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openOpenAiCompatible, type OpenAiCompatible } from '../../src/models/openai/openai-model.ts'
import type { OpenAiProviderSettings } from '../../src/models/settings.ts'
import type { Log } from '../../src/util/log.ts'
import type { ChatRequest, ModelFailure, ModelPart } from '../../src/models/port.ts'
import {
  callsOf,
  chatModelContract,
  collect,
  disorder,
  neverAborted,
  textOf,
} from '../contracts/chat-model.ts'
import { scriptedModel, type ScriptedModel, type ScriptedStep } from '../harness/scripted-model.ts'
import { eventually, gate } from '../harness/stories.ts'

let upstream: ScriptedModel
const logged: { message: string; fields: object | undefined }[] = []

function openUpstream(settings: OpenAiProviderSettings, hop?: string): OpenAiCompatible {
  const log: Log = (_level, message, fields) => logged.push({ message, fields })
  return openOpenAiCompatible(settings, { name: 'upstream', log, hop })
}
let chat: OpenAiCompatible

beforeAll(async () => {
  upstream = await scriptedModel()
  chat = openUpstream({ type: 'openai', base_url: upstream.url, api_key: 'sk-secret-key-1234' })
})
afterEach(() => upstream.verify())
afterAll(async () => {
  chat.close()
  await upstream.close()
})

const question: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'Hello?' }] }
const ask = (request: ChatRequest = question) => collect(chat.stream(request, neverAborted()))
const fail = async (request?: ChatRequest) =>
  (await ask(request).then(
    () => undefined,
    (error: unknown) => error,
  )) as ModelFailure & { cause: Error }
/** One event of a raw stream. */
const chunk = (choice: object, rest: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }], ...rest })}\n\n`
const delta = (content: object) => chunk({ delta: content, finish_reason: null })
const toolDelta = (...calls: object[]) => delta({ tool_calls: calls })
const finish = (finish_reason = 'stop') => chunk({ delta: {}, finish_reason })
const done = 'data: [DONE]\n\n'
const noWait = { 'retry-after-ms': '1' }

chatModelContract('openai-compatible', () => {
  upstream.whenever((body) => {
    const wanted = JSON.parse(body.messages.at(-1).content)
    if (wanted.calls !== undefined) {
      return {
        calls: wanted.calls.map((call: any) => ({
          ...call,
          arguments: JSON.stringify(call.arguments).split(/(?=[,:])/),
        })),
      }
    }
    if (wanted.fail === true) return { status: 400, body: { error: { message: 'no' } } }
    const limit: number = body.max_tokens ?? Number.POSITIVE_INFINITY
    const words = Array.from({ length: Math.min(wanted.words, limit) }, (_, index) => ` word${index}`)
    return {
      text: words,
      finish_reason: limit < wanted.words ? 'length' : 'stop',
      ...(wanted.words > 100 ? { delayMs: 5 } : {}),
    }
  })
  const request = (wanted: object): ChatRequest => ({
    model: 'm',
    messages: [{ role: 'user', content: JSON.stringify(wanted) }],
  })
  return {
    chat,
    model: 'm',
    text: (words) => request({ words }),
    calls: (calls) => request({ calls }),
    failing: () => request({ fail: true }),
    stopped: () => eventually(() => upstream.open() === 0, 'the end of the upstream call'),
  }
})

describe('the request', () => {
  test('has every field under the names that older servers know', async () => {
    const tool = {
      type: 'function' as const,
      function: { name: 'f', parameters: { type: 'object' }, strict: true },
    }
    const schema = { name: 's', schema: { type: 'object' }, strict: true }
    const image = {
      type: 'image_url' as const,
      image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' as const },
    }
    upstream.script([{ text: 'ok' }])
    await ask({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'See' }, image] },
      ],
      tools: [tool],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
      response_format: { type: 'json_schema', json_schema: schema },
      temperature: 0.5,
      top_p: 0.9,
      reasoning_effort: 'low',
      max_completion_tokens: 77,
    })
    expect(upstream.requests[0]?.body).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'See' }, image] },
      ],
      tools: [tool],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
      response_format: { type: 'json_schema', json_schema: schema },
      temperature: 0.5,
      top_p: 0.9,
      reasoning_effort: 'low',
      max_tokens: 77,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-secret-key-1234')
  })

  test('has no field about tools when there are none', async () => {
    upstream.script([{ text: 'ok' }])
    await ask({ ...question, tools: [], tool_choice: 'auto', parallel_tool_calls: true })
    expect(Object.keys(upstream.requests[0]?.body).toSorted()).toEqual([
      'messages',
      'model',
      'stream',
      'stream_options',
    ])
  })

  test('uses the name of the limit that a reasoning model knows', async () => {
    upstream.script([{ text: 'ok' }])
    await ask({ ...question, model: 'openai/o3-mini', max_completion_tokens: 300 })
    const body = upstream.requests[0]?.body
    expect(body).toMatchObject({ max_completion_tokens: 300 })
  })

  test('sends earlier arguments byte for byte, and wraps those that are not JSON', async () => {
    const call = (id: string, text: string) => ({
      id,
      type: 'function' as const,
      function: { name: 'f', arguments: text },
    })
    upstream.script([{ text: 'ok' }])
    await ask({
      model: 'm',
      messages: [
        { role: 'user', content: 'go' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [call('1', '{ "a":1.0 }'), call('2', ''), call('3', '{"x":')],
        },
        { role: 'tool', tool_call_id: '1', content: 'A' },
        { role: 'assistant', content: null, tool_calls: [] },
      ],
    })
    const [, assistant, , bare] = upstream.requests[0]!.body.messages
    expect(assistant.tool_calls.map((sent: any) => sent.function.arguments)).toEqual([
      '{ "a":1.0 }',
      '{}',
      '{"invalid_json":"{\\"x\\":"}',
    ])
    expect(bare).toEqual({ role: 'assistant', content: '' })
  })

  test('uses a base URL with a path, a query and headers', async () => {
    upstream.script([{ text: 'ok' }])
    const azure = openUpstream({
      type: 'openai',
      base_url: `${upstream.url}/deployments/gpt/?api-version=2024-10-21`,
      headers: { 'API-Key': 'azure-key-99' },
      max_tokens_field: 'max_completion_tokens',
    })
    await collect(azure.stream({ ...question, max_completion_tokens: 5 }, neverAborted()))
    azure.close()
    const { path, headers, body } = upstream.requests[0]!
    expect(path).toBe('/v1/deployments/gpt/chat/completions?api-version=2024-10-21')
    expect(headers['api-key']).toBe('azure-key-99')
    expect(headers).not.toHaveProperty('authorization')
    expect(body.max_completion_tokens).toBe(5)
  })

  test('names this server in the hop header, where it has a name', async () => {
    upstream.script([{ text: 'ok' }, { text: 'ok' }])
    await ask()
    const named = openUpstream({ type: 'openai', base_url: upstream.url }, 'spool_1')
    await collect(named.stream(question, neverAborted()))
    named.close()
    expect(upstream.requests.map(({ headers }) => headers['x-spool-hop'])).toEqual([undefined, 'spool_1'])
  })

  test('a key that a header cannot contain is refused at once and is not shown', () => {
    const open = () => openUpstream({ type: 'openai', base_url: 'http://x.test/v1', api_key: 'sk-a\nb' })
    expect(open).toThrow(/api_key/)
    expect(open).not.toThrow(/sk-a/)
  })
})

describe('the answer', () => {
  test('separates a refusal from text, and ignores reasoning', async () => {
    upstream.script([
      {
        raw: [
          delta({ reasoning_content: 'hmm', content: null }),
          delta({ refusal: 'I ' }),
          delta({ refusal: 'won’t' }),
          finish(),
          done,
        ],
      },
    ])
    const parts = await ask()
    expect(parts.map(({ type }) => type)).toEqual(['refusal-delta', 'refusal-delta', 'end'])
  })

  test('has usage with cached and reasoning tokens', async () => {
    upstream.script([
      {
        text: 'ok',
        usage: {
          prompt_tokens: 100,
          completion_tokens: 20,
          prompt_tokens_details: { cached_tokens: 64 },
          completion_tokens_details: { reasoning_tokens: 12 },
        },
      },
    ])
    expect((await ask()).at(-1)).toMatchObject({
      usage: { prompt_tokens: 100, completion_tokens: 20, cached_tokens: 64, reasoning_tokens: 12 },
    })
  })

  test('is counted here when the server does not count', async () => {
    upstream.script([{ text: ['Hello', ' world', '<|endoftext|>'], usage: null }])
    const end = (await ask()).at(-1)
    if (end?.type !== 'end') throw new Error('no end')
    expect(end.usage.prompt_tokens).toBe(2 + 4)
    expect(end.usage.completion_tokens).toBeGreaterThanOrEqual(3)
  })

  test('a character that was split between two packets arrives complete', async () => {
    const bytes = Buffer.from(delta({ content: '日本🦙' }) + finish() + done)
    const cuts = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))
    upstream.script([{ raw: cuts, delayMs: 0 }])
    expect(textOf(await ask())).toBe('日本🦙')
  })

  test.for([
    [
      'line ends of every kind and comments',
      [': hello\r\n\r\n', delta({ content: 'a' }).replaceAll('\n', '\r\n'), ':\r', finish(), done],
    ],
    ['no [DONE]', [delta({ content: 'a' }), finish()]],
    ['no blank line after the last event', [delta({ content: 'a' }), finish().trimEnd()]],
    ['two finishes', [delta({ content: 'a' }), finish(), finish(), done]],
    ['a finish beside the last text', [chunk({ delta: { content: 'a' }, finish_reason: 'stop' }), done]],
    [
      'events without choices, and null',
      [
        'data: {"choices":[]}\n\n',
        'data: null\n\n',
        'data:\n\n',
        'data: {"type":"ping"}\n\n',
        delta({ content: 'a' }),
        finish(),
        done,
      ],
    ],
    ['fields that are no SSE', ['hello there\n\n', delta({ content: 'a' }), finish(), done]],
    [
      'a second choice',
      [
        chunk({ index: 1, delta: { content: 'b' } }),
        delta({ content: 'a' }),
        finish(),
        chunk({ index: 1, delta: {}, finish_reason: 'length' }),
        done,
      ],
    ],
    ['a finish that it invented', [delta({ content: 'a' }), finish('eos_token'), done]],
    ['content as a list', [delta({ content: [{ type: 'text', text: 'a' }] }), finish(), done]],
    [
      'more after [DONE]',
      [delta({ content: 'a' }), finish(), done, delta({ content: 'b' }), 'data: {broken\n\n'],
    ],
  ] as [string, string[]][])('a server that sends %s is understood', async ([, raw]) => {
    upstream.script([{ raw }])
    const parts = await ask()
    expect(textOf(parts)).toBe('a')
    expect(parts.at(-1)).toMatchObject({ type: 'end', finish_reason: 'stop' })
    expect(disorder(parts)).toEqual([])
  })

  test('a server that answers a stream request with one JSON object is understood', async () => {
    const message = {
      role: 'assistant',
      content: 'Hi',
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
        { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
      ],
    }
    const usage = { prompt_tokens: 1, completion_tokens: 2 }
    upstream.script([
      {
        status: 200,
        body: {
          object: 'chat.completion',
          choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
          usage,
        },
      },
    ])
    const parts = await ask()
    expect(textOf(parts)).toBe('Hi')
    expect(callsOf(parts).map(({ name }) => name)).toEqual(['f', 'g'])
    expect(parts.at(-1)).toMatchObject({ finish_reason: 'tool_calls', usage: { completion_tokens: 2 } })
  })

  test('a filtered answer has the finish reason content_filter', async () => {
    upstream.script([{ text: 'a', finish_reason: 'content_filter' }])
    expect((await ask()).at(-1)).toMatchObject({ finish_reason: 'content_filter' })
  })

  test('a slow reader gets everything in order', async () => {
    const words = Array.from({ length: 20_000 }, (_, index) => `w${index} `)
    upstream.script([{ text: words }])
    const parts: ModelPart[] = []
    for await (const part of chat.stream(question, neverAborted())) {
      // Long enough for thousands of parts to pile up, so that the connection is paused and must be resumed.
      for (let turn = 0; parts.length === 0 && turn < 2_000; turn += 1) await setImmediate()
      parts.push(part)
    }
    expect(textOf(parts)).toBe(words.join(''))
  })
})

describe('tool calls', () => {
  const made = async (...raw: string[]) => {
    upstream.script([{ raw: [...raw, finish('tool_calls'), done] }])
    const parts = await ask()
    expect(disorder(parts)).toEqual([])
    expect(parts.at(-1)).toMatchObject({ finish_reason: 'tool_calls' })
    return callsOf(parts).map(({ id, name, arguments: text }) => [id, name, text])
  }
  const call = (id: string, name: string, text: string) => ({ id, function: { name, arguments: text } })

  test('a new id at an index in use begins a new call', async () => {
    expect(
      await made(
        toolDelta({ index: 0, ...call('a', 'f', '{"x":') }),
        toolDelta({ index: 0, function: { arguments: '1}' } }),
        toolDelta({ index: 0, ...call('b', 'g', '') }),
        toolDelta({ index: 0, function: { arguments: '{"y":' } }),
        toolDelta({ index: 0, function: { arguments: '2}' } }),
      ),
    ).toEqual([
      ['a', 'f', '{"x":1}'],
      ['b', 'g', '{"y":2}'],
    ])
  })

  test('a new id begins a new call of the same function, too', async () => {
    expect(
      await made(
        toolDelta({ index: 0, ...call('a', 'f', '{"x":') }),
        toolDelta({ index: 0, ...call('b', 'f', '') }),
        toolDelta({ index: 0, function: { arguments: '{}' } }),
      ),
    ).toEqual([
      ['a', 'f', '{"x":'],
      ['b', 'f', '{}'],
    ])
  })

  test('interleaved fragments find their calls', async () => {
    expect(
      await made(
        toolDelta({ index: 0, ...call('a', 'f', '') }, { index: 1, ...call('b', 'g', '') }),
        toolDelta({ index: 1, function: { arguments: 'B' } }),
        toolDelta({ index: 0, function: { arguments: 'A' } }),
        toolDelta({ index: 1, function: { arguments: 'B' } }, { index: 0, function: { arguments: 'A' } }),
      ),
    ).toEqual([
      ['a', 'f', 'AA'],
      ['b', 'g', 'BB'],
    ])
  })

  test('without an index fragments go to the last call', async () => {
    expect(
      await made(
        toolDelta(call('a', 'f', '{')),
        toolDelta({ function: { arguments: '}' } }),
        toolDelta(call('b', 'g', '[')),
        toolDelta({ function: { arguments: ']' } }),
      ),
    ).toEqual([
      ['a', 'f', '{}'],
      ['b', 'g', '[]'],
    ])
  })

  test('an id or name that is repeated in every fragment changes nothing', async () => {
    expect(
      await made(
        toolDelta({ index: 0, ...call('a', 'f', '{') }),
        toolDelta({ index: 0, ...call('a', 'f', '"x"') }),
        toolDelta({ index: 0, ...call('', '', ':1}') }),
      ),
    ).toEqual([['a', 'f', '{"x":1}']])
  })

  test('a call stays one call when every fragment has a new id', async () => {
    expect(
      await made(
        toolDelta({ index: 0, ...call('r1', 'f', '{') }),
        toolDelta({ index: 0, id: 'r2', function: { arguments: '}' } }),
      ),
    ).toEqual([['r1', 'f', '{}']])
  })

  test('calls without ids get ids', async () => {
    const calls = await made(
      toolDelta({ index: 0, function: { name: 'f', arguments: '{}' } }),
      toolDelta({ index: 0, function: { name: 'g', arguments: '{"y"' } }),
      toolDelta({ index: 0, function: { arguments: ':1}' } }),
    )
    expect(calls.map(([, ...rest]) => rest)).toEqual([
      ['f', '{}'],
      ['g', '{"y":1}'],
    ])
    for (const [id] of calls) expect(id).toMatch(/^call_/)
  })

  test.for(['', 'get'])('calls of one function at one index with the id “%s” are two calls', async (id) => {
    const calls = await made(
      toolDelta({ index: 0, ...call(id, 'f', '{"x":') }),
      toolDelta({ index: 0, ...call(id, 'f', '1}') }),
      toolDelta({ index: 0, ...call(id, 'f', '') }),
      toolDelta({ index: 0, ...call(id, 'f', '{"x":2}') }),
    )
    expect(calls.map(([, , text]) => text)).toEqual(['{"x":1}', '{"x":2}'])
  })

  test('one id at two indices becomes two ids', async () => {
    const calls = await made(
      toolDelta({ index: 0, ...call('a', 'f', '1') }, { index: 1, ...call('a', 'f', '2') }),
    )
    expect(calls.map(([, , text]) => text)).toEqual(['1', '2'])
  })

  test('a call waits for a name that arrives after its id and arguments', async () => {
    expect(
      await made(
        toolDelta({ index: 0, id: 'a' }),
        toolDelta({ index: 0, function: { arguments: '{' } }),
        toolDelta({ index: 0, function: { name: 'f', arguments: '}' } }),
      ),
    ).toEqual([['a', 'f', '{}']])
  })

  test.for([-1, 1.5, 1e9, '0', '__proto__'])('the index %s only tells calls apart', async (index) => {
    expect(
      await made(
        toolDelta({ index, ...call('a', 'f', '{') }),
        toolDelta({ index, function: { arguments: '}' } }),
      ),
    ).toEqual([['a', 'f', '{}']])
  })

  test('names of properties of object prototypes are valid function names', async () => {
    expect(
      await made(toolDelta({ index: 0, ...call('__proto__', '__proto__', '{"__proto__":{"x":1}}') })),
    ).toEqual([['__proto__', '__proto__', '{"__proto__":{"x":1}}']])
    expect(({} as any).x).toBeUndefined()
  })

  test('arguments that come as an object become their JSON', async () => {
    expect(
      await made(toolDelta({ index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } })),
    ).toEqual([['a', 'f', '{"x":1}']])
  })

  test('invalid arguments are passed on unchanged', async () => {
    expect(await made(toolDelta({ index: 0, ...call('a', 'f', '{"x": tru') }))).toEqual([
      ['a', 'f', '{"x": tru'],
    ])
  })

  test('a call whose answer ends with stop is a call', async () => {
    upstream.script([{ calls: [{ name: 'f', arguments: '{}' }], finish_reason: 'stop' }])
    expect((await ask()).at(-1)).toMatchObject({ finish_reason: 'tool_calls' })
  })

  test('a call that was cut by the limit keeps length', async () => {
    upstream.script([{ calls: [{ name: 'f', arguments: '{"x' }], finish_reason: 'length' }])
    expect((await ask()).at(-1)).toMatchObject({ finish_reason: 'length' })
  })
})

describe('failures', () => {
  test.for([
    ['an answer that ends without a finish', [delta({ content: 'a' })], /without a finish_reason/],
    ['[DONE] without a finish', [delta({ content: 'a' }), done], /without a finish_reason/],
    ['broken JSON', [delta({ content: 'a' }), 'data: {"choices":[{\n\n', finish(), done], /not JSON/],
    ['a chunk that is a number', [delta({ content: 'a' }), 'data: 5\n\n'], /not an object/],
    ['a choice that is a string', [delta({ content: 'a' }), 'data: {"choices":["x"]}\n\n'], /choice/],
    ['a tool call that is null', [delta({ content: 'a' }), toolDelta(null as any)], /not an object/],
    [
      'a call without a name',
      [
        delta({ content: 'a' }),
        toolDelta({ index: 0, id: 'a', function: { arguments: '{}' } }),
        finish(),
        done,
      ],
      /without a name/,
    ],
    ['a finish that says error', [delta({ content: 'a' }), finish('error'), done], /error/],
    [
      'an event without end',
      [delta({ content: 'a' }), `data: ${'x'.repeat(9 * 1024 * 1024)}`],
      /without end/,
    ],
  ] as [string, string[], RegExp][])('%s is a clean failure', async ([, raw, why]) => {
    upstream.script([{ raw }])
    const failure = await fail()
    expect(failure).toMatchObject({
      name: 'ModelFailure',
      code: 'server_error',
      message: 'Sorry, something went wrong.',
    })
    expect(failure.cause.message).toMatch(why)
  })

  test('a connection that breaks after the first words is not retried', async () => {
    upstream.script([{ cut: true, text: ['Hel', 'lo'] }])
    const parts: ModelPart[] = []
    const reading = async () => {
      for await (const part of chat.stream(question, neverAborted())) parts.push(part)
    }
    await expect(reading()).rejects.toMatchObject({ name: 'ModelFailure', code: 'server_error' })
    expect(textOf(parts)).toBe('Hello')
    expect(upstream.requests).toHaveLength(1)
  })

  test('a server that sends nothing after finish_reason does not delay the answer', async () => {
    upstream.script([{ raw: [delta({ content: 'a' }), finish()], hold: new Promise(() => {}) }])
    expect((await ask()).at(-1)).toMatchObject({ type: 'end', finish_reason: 'stop' })
  })

  const statuses: [string, ScriptedStep, object][] = [
    [
      'a refused prompt',
      {
        status: 400,
        body: {
          error: {
            message: "This model's maximum context length is 10 tokens.",
            code: 'context_length_exceeded',
          },
        },
      },
      { code: 'invalid_prompt', message: "This model's maximum context length is 10 tokens." },
    ],
    [
      'an unknown model',
      { status: 404, body: { error: 'model "m" not found' } },
      { code: 'invalid_prompt', message: 'model "m" not found' },
    ],
    [
      'a FastAPI detail',
      { status: 422, body: { detail: 'bad field' } },
      { code: 'invalid_prompt', message: 'bad field' },
    ],
    [
      'a refusal without words',
      { status: 413, body: '<html>' },
      { code: 'invalid_prompt', message: "The model's provider refused the request (HTTP 413)." },
    ],
    [
      'an empty quota',
      {
        status: 429,
        body: {
          error: {
            message:
              'You exceeded your current quota, please check your plan: https://platform.openai.com/docs',
            code: 'insufficient_quota',
          },
        },
      },
      {
        code: 'rate_limit_exceeded',
        message: 'You exceeded your current quota, please check your plan: https://platform.openai.com/docs',
      },
    ],
    [
      'a redirect',
      { status: 308, headers: { location: 'https://elsewhere.test/' } },
      { code: 'server_error', message: 'Sorry, something went wrong.' },
    ],
    [
      'a server that says not to try again',
      { status: 500, headers: { 'x-should-retry': 'false' } },
      { code: 'server_error', message: 'Sorry, something went wrong.' },
    ],
    [
      'a wait that is too long',
      {
        status: 429,
        headers: { 'retry-after': '3600' },
        body: { error: { message: 'Come back tomorrow.' } },
      },
      { code: 'rate_limit_exceeded', message: 'Come back tomorrow.' },
    ],
    [
      'a compressed answer',
      { status: 200, headers: { 'content-encoding': 'br' }, body: 'x' },
      { code: 'server_error', message: 'Sorry, something went wrong.' },
    ],
    [
      'a compressed refusal',
      { status: 404, headers: { 'content-encoding': 'gzip' }, body: 'x' },
      { code: 'invalid_prompt', message: "The model's provider refused the request (HTTP 404)." },
    ],
    [
      'a compressed refusal of the key',
      { status: 401, headers: { 'content-encoding': 'br' }, body: 'x' },
      {
        code: 'server_error',
        message: "The model's provider refused the credentials that this server has for it.",
      },
    ],
  ]
  test.for(statuses)('%s fails at once, with a message for the user', async ([, step, expected]) => {
    upstream.script([step])
    expect(await fail()).toMatchObject({ name: 'ModelFailure', ...expected })
  })

  test('the error for a refused key shows neither the key nor the address nor the refusal', async () => {
    upstream.script([
      {
        status: 401,
        body: { error: { message: `Incorrect API key: sk-secret-key-1234 at ${upstream.url}` } },
      },
    ])
    const failure = await fail()
    expect(failure.code).toBe('server_error')
    expect(failure.message).toMatch(/credentials/)
    expect(failure.message + failure.cause.message).not.toMatch(/sk-secret|127\.0\.0\.1/)
  })

  test('keys and addresses are removed from the texts of the server', async () => {
    const message = `Key sk-secret-key-1234 (sk-other*****abcd) is no good at ${upstream.url}/chat`
    upstream.script([{ status: 400, body: { error: { message } } }])
    expect((await fail()).message).toBe('Key [key] ([key]) is no good at [address]/chat')
  })

  test('a key of any form and in any header is removed', async () => {
    const keyed = openUpstream({
      type: 'openai',
      base_url: upstream.url,
      api_key: 'plain secret',
      headers: { 'api-key': 'hunter2hunter2' },
    })
    const message = 'Neither plain secret nor hunter2hunter2 will do.'
    upstream.script([{ status: 400, body: { error: { message } } }])
    await expect(collect(keyed.stream(question, neverAborted()))).rejects.toMatchObject({
      message: 'Neither [key] nor [key] will do.',
    })
    keyed.close()
  })

  test('an error inside the stream has its own code', async () => {
    const error = (body: unknown) => [delta({ content: 'a' }), `data: ${JSON.stringify({ error: body })}\n\n`]
    upstream.script([
      { raw: error({ code: 429, message: 'Slow down' }) },
      { raw: error({ type: 'invalid_request_error', message: 'Too long' }) },
      { raw: error('it broke') },
    ])
    expect(await fail()).toMatchObject({ code: 'rate_limit_exceeded', message: 'Slow down' })
    expect(await fail()).toMatchObject({ code: 'invalid_prompt', message: 'Too long' })
    expect(await fail()).toMatchObject({ code: 'server_error', message: 'Sorry, something went wrong.' })
  })
})

/** A server that answers every request with these bytes, and then ends the connection or keeps it open. */
async function rawServer(
  bytes: string,
  then: 'end' | 'hold',
): Promise<{ url: string; requests: () => number; close: () => void }> {
  let requests = 0
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', () => {
        requests += 1
        socket.write(bytes)
        if (then === 'end') socket.end()
      })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/v1`, requests: () => requests, close: () => server.close() }
}

async function failRaw(bytes: string, then: 'end' | 'hold', max_retries = 0) {
  const server = await rawServer(bytes, then)
  const model = openUpstream({ type: 'openai', base_url: server.url, max_retries })
  const failure = await collect(model.stream(question, neverAborted())).then(
    () => undefined,
    (error: unknown) => error as ModelFailure & { cause: Error },
  )
  model.close()
  server.close()
  return { failure, requests: server.requests() }
}

describe('bytes that are not a valid answer', () => {
  const mark = '\u{FEFF}'
  test.for([
    ['a stream', { raw: [mark, delta({ content: 'Hel' }), delta({ content: 'lo' }), finish(), done] }],
    [
      'a stream whose mark is split',
      { raw: [Buffer.from([0xef]), Buffer.from([0xbb, 0xbf]), delta({ content: 'Hello' }), finish()] },
    ],
    [
      'a JSON answer',
      {
        raw: [mark, JSON.stringify({ choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }] })],
        headers: { 'content-type': 'application/json' },
      },
    ],
  ] as [string, ScriptedStep][])('a byte order mark before %s takes no text away', async ([, step]) => {
    upstream.script([step])
    expect(textOf(await ask())).toBe('Hello')
  })

  test('a byte order mark before an error does not hide its message', async () => {
    upstream.script([{ status: 400, body: `${mark}{"error":{"message":"Too long."}}` }])
    expect(await fail()).toMatchObject({ code: 'invalid_prompt', message: 'Too long.' })
  })

  const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'
  test.for([
    ['and then nothing', upgrade, 'hold'],
    ['and then an end', upgrade, 'end'],
    ['and then a stream', `${upgrade}${delta({ content: 'a' })}${finish()}`, 'hold'],
  ] as const)('a switch to another protocol %s is a failed connection', async ([, bytes, then]) => {
    const { failure, requests } = await failRaw(bytes, then, 1)
    expect(failure).toMatchObject({ name: 'ModelFailure', code: 'server_error' })
    expect(requests).toBe(2)
  })

  const errors: [string, string, object][] = [
    [
      '400 Bad Request',
      '{"error":{"message":"Too long."}}',
      { code: 'invalid_prompt', message: 'Too long.' },
    ],
    [
      '404 Not Found',
      '{"error":{"mess',
      { code: 'invalid_prompt', message: "The model's provider refused the request (HTTP 404)." },
    ],
    ['401 Unauthorized', '', { code: 'server_error', message: expect.stringContaining('credentials') }],
  ]
  const cut = (status: string, body: string) => `HTTP/1.1 ${status}\r\ncontent-length: 5000\r\n\r\n${body}`
  test.for(errors)('%s with a body that is cut is not tried again', async ([status, body, expected]) => {
    const { failure, requests } = await failRaw(cut(status, body), 'end', 1)
    expect(failure).toMatchObject(expected)
    expect(requests).toBe(1)
  })

  test('an error whose body never ends is reported by its status', async () => {
    const failed = await Promise.all(errors.map(([status, body]) => failRaw(cut(status, body), 'hold')))
    for (const [index, { failure }] of failed.entries()) expect(failure).toMatchObject(errors[index]![2])
  })
})

describe('retries', () => {
  test.for([
    ['429', { status: 429, headers: noWait }],
    ['503', { status: 503, headers: noWait }],
    ['a compressed 503', { status: 503, headers: { ...noWait, 'content-encoding': 'gzip' } }],
    ['408', { status: 408, headers: noWait }],
    ['a server that asks for it', { status: 400, headers: { ...noWait, 'x-should-retry': 'true' } }],
    ['a connection cut before the head', { cut: true }],
    ['a connection cut before the first part', { cut: true, text: [] }],
    ['an error before the first part', { raw: ['data: {"error":{"code":503,"message":"busy"}}\n\n'] }],
    ['an empty stream', { raw: [] }],
  ] as [string, ScriptedStep][])('%s is tried again', async ([, step]) => {
    upstream.script([step, { text: 'well' }])
    expect(textOf(await ask())).toBe('well')
  })

  test('after the last retry the last failure is reported', async () => {
    const few = openUpstream({ type: 'openai', base_url: upstream.url, max_retries: 2 })
    const busy = { status: 429, headers: noWait, body: { error: { message: 'Rate limit reached for m' } } }
    upstream.script([busy, busy, busy])
    await expect(collect(few.stream(question, neverAborted()))).rejects.toMatchObject({
      code: 'rate_limit_exceeded',
      message: 'Rate limit reached for m',
    })
    few.close()
  })

  test('the wait before a retry ends when the run is aborted', async () => {
    const controller = new AbortController()
    const reason = new Error('cancelled')
    upstream.script([{ status: 429, headers: { 'retry-after': '50' } }])
    const asking = collect(chat.stream(question, controller.signal))
    await expect.poll(() => [upstream.requests.length, upstream.open()]).toEqual([1, 0])
    controller.abort(reason)
    await expect(asking).rejects.toBe(reason)
  })

  test('the failure of a server that does not exist does not show its address', async () => {
    const nowhere = openUpstream({
      type: 'openai',
      base_url: 'http://127.0.0.1:1/v1',
      max_retries: 1,
    })
    await expect(collect(nowhere.stream(question, neverAborted()))).rejects.toMatchObject({
      name: 'ModelFailure',
      code: 'server_error',
      message: 'Sorry, something went wrong.',
    })
  })
})

describe('connections', () => {
  test('that are accepted but never complete TLS end after a time limit', async () => {
    const silent = createServer((socket) => socket.resume())
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const secure = openUpstream({
      type: 'openai',
      base_url: `https://127.0.0.1:${port}/v1`,
      connect_timeout_ms: 100,
      max_retries: 0,
    })
    const failure = collect(secure.stream(question, neverAborted()))
    await expect(failure).rejects.toMatchObject({ cause: { message: 'no connection in time' } })
    secure.close()
    await new Promise((resolve) => silent.close(resolve))
  })

  test('are used again, also after failures', async () => {
    const fresh = openUpstream({ type: 'openai', base_url: upstream.url })
    const before = upstream.connections()
    for (let turn = 0; turn < 5; turn += 1) {
      upstream.script([turn === 2 ? { status: 400, body: { error: 'no' } } : { text: ['a', 'b'] }])
      await collect(fresh.stream(question, neverAborted())).catch(() => {})
      await expect.poll(() => [upstream.requests.length, upstream.open()]).toEqual([turn + 1, 0])
    }
    expect(upstream.connections() - before).toBe(1)
    fresh.close()
  })

  test('are used again when their last bytes come after the answer was read', async () => {
    const fresh = openUpstream({ type: 'openai', base_url: upstream.url })
    const before = upstream.connections()
    for (let turn = 0; turn < 3; turn += 1) {
      let release = () => {}
      const hold = new Promise<void>((resolve) => (release = resolve))
      upstream.script([{ raw: [delta({ content: 'a' }), finish(), done], hold }])
      await collect(fresh.stream(question, neverAborted()))
      release()
      await expect.poll(() => [upstream.requests.length, upstream.open()]).toEqual([turn + 1, 0])
    }
    expect(upstream.connections() - before).toBe(1)
    fresh.close()
  })

  test('a call that is aborted while the server is silent closes its connection', async () => {
    const controller = new AbortController()
    upstream.script([{ text: 'never', before: new Promise(() => {}) }])
    const asking = collect(chat.stream(question, controller.signal))
    await expect.poll(() => upstream.open()).toBe(1)
    controller.abort(new Error('stop'))
    await expect(asking).rejects.toThrow('stop')
    await expect.poll(() => upstream.open()).toBe(0)
  })

  test('512 answers at once arrive complete and in order', async () => {
    upstream.whenever((body) => ({
      text: Array.from({ length: 16 }, (_, index) => `${body.messages[0].content}.${index} `),
      delayMs: 5,
    }))
    const answers = await Promise.all(
      Array.from({ length: 512 }, async (_, run) =>
        textOf(await ask({ model: 'm', messages: [{ role: 'user', content: `run${run}` }] })),
      ),
    )
    for (const [run, text] of answers.entries()) {
      expect(text).toBe(Array.from({ length: 16 }, (_, index) => `run${run}.${index} `).join(''))
    }
  })
})

describe('the pass-through', () => {
  test('passes a stream on byte for byte', async () => {
    const raw = [delta({ content: 'ä' }), ': odd\n\n', 'data: {broken\n\n']
    upstream.script([{ raw, headers: { 'x-ratelimit-remaining-requests': '9', 'set-cookie': 'a=b' } }])
    const answer = await chat.chatCompletions({ model: 'm', stream: true }, neverAborted())
    expect(answer.status).toBe(200)
    expect(answer.headers).toEqual({
      'content-type': 'text/event-stream',
      'x-ratelimit-remaining-requests': '9',
    })
    expect(Buffer.concat(await answer.body.toArray()).toString()).toBe(raw.join(''))
  })

  test('passes an error on too, but not a refusal of the key of the server', async () => {
    upstream.script([
      { status: 400, body: { error: { message: 'bad' } } },
      { status: 401, body: { error: {} } },
    ])
    const answer = await chat.chatCompletions({}, neverAborted())
    expect(answer.status).toBe(400)
    expect(await json(answer.body)).toEqual({ error: { message: 'bad' } })
    await expect(chat.chatCompletions({}, neverAborted())).rejects.toMatchObject({ name: 'ModelFailure' })
  })

  test('closes the upstream request when the caller disconnects', async () => {
    const controller = new AbortController()
    upstream.script([{ text: 'a', hold: new Promise(() => {}) }])
    const answer = await chat.chatCompletions({ stream: true }, controller.signal)
    answer.body.on('error', () => {})
    controller.abort()
    await expect.poll(() => upstream.open()).toBe(0)
  })

  test('lists the models of the server', async () => {
    expect(await chat.listModels(neverAborted())).toEqual([
      { id: 'scripted', object: 'model', created: 1700000000, owned_by: 'scripted' },
    ])
  })
})

test('an embedder that does not answer fails after ten minutes, and an abort does not wait for it', async () => {
  const held = gate()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    upstream.holdEmbeddings(held.promise)
    const silent = chat
      .postJson('/embeddings', { input: 'a' }, neverAborted())
      .catch((error: unknown) => error)
    const controller = new AbortController()
    const reason = new Error('called off')
    const aborted = chat.postJson('/embeddings', { input: 'b' }, controller.signal)
    while (upstream.others.length < 2) await setImmediate()
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    vi.advanceTimersByTime(599_999)
    expect(await Promise.race([silent, setImmediate('waits')])).toBe('waits')
    vi.advanceTimersByTime(1)
    expect(await silent).toMatchObject({ code: 'server_error', cause: { message: 'no answer in time' } })
    expect(vi.getTimerCount()).toBe(0)
    expect(upstream.others).toHaveLength(2)
  } finally {
    vi.useRealTimers()
    upstream.holdEmbeddings(undefined)
    held.open()
  }
})

test('each of a hundred answers at once is complete and in order', async () => {
  const texts = Array.from({ length: 100 }, (_, answer) =>
    Array.from({ length: 30 }, (__, token) => `${answer}:${token} `),
  )
  upstream.whenever((body) => ({ text: texts[Number(body.messages[0].content)] ?? [], delayMs: 3 }))
  const answers = await Promise.all(
    texts.map((_, index) => ask({ model: 'm', messages: [{ role: 'user', content: String(index) }] })),
  )
  expect(answers.map((parts) => textOf(parts))).toEqual(texts.map((text) => text.join('')))
})
