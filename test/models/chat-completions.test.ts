import OpenAI from 'openai'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ApiError } from '../../src/api/api-error.ts'
import { openModels } from '../../src/models/open.ts'
import type { PassThrough } from '../../src/models/pass-through.ts'
import { neverAborted } from '../contracts/chat-model.ts'

const models = openModels({ providers: {}, models: {} }, () => {})
const demo = models.raw('any-name') as PassThrough
let server: Server
let openai: OpenAI

beforeAll(async () => {
  server = createServer((request, response) => {
    void (async () => {
      const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as object
      const answer = await demo.chatCompletions(body, neverAborted())
      response.writeHead(answer.status, answer.headers)
      await pipeline(answer.body, response)
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  openai = new OpenAI({ baseURL: `http://127.0.0.1:${port}`, apiKey: 'any', maxRetries: 0 })
})
afterAll(async () => {
  await models.close()
  await new Promise((resolve) => server.close(resolve))
})

const ask = (content: string) => ({ model: 'gpt-4o', messages: [{ role: 'user' as const, content }] })
const tools = [{ type: 'function' as const, function: { name: 'f', parameters: { type: 'object' } } }]

describe('the SDK uses a model that is not a server', () => {
  test('for a whole answer', async () => {
    const answer = await openai.chat.completions.create(ask('say Hello there'))
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'any-name',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello there', refusal: null },
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
    expect(answer.id).toMatch(/^chatcmpl-/)
  })

  test('for a streamed answer with usage', async () => {
    const stream = openai.chat.completions.stream({
      ...ask('say Hello there\ncall f {"x": 1}'),
      tools,
      stream_options: { include_usage: true },
    })
    const texts: string[] = []
    stream.on('content.delta', ({ delta }) => texts.push(delta))
    const { choices, usage } = await stream.finalChatCompletion()
    expect(texts).toEqual(['Hello', ' there'])
    expect(choices[0]).toMatchObject({
      message: { content: 'Hello there', tool_calls: [{ function: { name: 'f', arguments: '{"x": 1}' } }] },
      finish_reason: 'tool_calls',
    })
    expect(usage?.completion_tokens).toBe(5)
  })

  test('for calls and their outputs', async () => {
    const first = await openai.chat.completions.create({ ...ask('call f {}'), tools })
    const message = first.choices[0]!.message
    expect(message.content).toBeNull()
    const id = message.tool_calls![0]!.id
    const second = await openai.chat.completions.create({
      model: 'gpt-4o',
      tools,
      messages: [
        { role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] },
        { role: 'user', content: [{ type: 'text', text: 'call f {}' }] },
        message,
        { role: 'tool', tool_call_id: id, content: '42' },
      ],
    })
    expect(second.choices[0]!.message.content).toBe('f answered: 42')
  })

  test('and gets failures before and after the first words', async () => {
    await expect(openai.chat.completions.create(ask('fail rate_limit_exceeded'))).rejects.toMatchObject({
      status: 429,
    })
    await expect(openai.chat.completions.create(ask('say a\nfail invalid_prompt'))).rejects.toMatchObject({
      status: 400,
    })
    const stream = await openai.chat.completions.create({ ...ask('say a\nfail server_error'), stream: true })
    const reading = async () => {
      for await (const chunk of stream) expect(chunk.object).toBe('chat.completion.chunk')
    }
    await expect(reading()).rejects.toThrow(/something went wrong/)
  })

  test('within a token limit', async () => {
    const { choices } = await openai.chat.completions.create({ ...ask('say one two three'), max_tokens: 2 })
    expect(choices[0]).toMatchObject({ message: { content: 'one two' }, finish_reason: 'length' })
  })
})

test.for([
  [{ n: 2 }, 'n'],
  [{ stop: ['x'] }, 'stop'],
  [{ logprobs: true }, 'logprobs'],
  [{ tools: [{ type: 'function' }] }, 'tools[0].function'],
  [{ tool_choice: 'sometimes' }, 'tool_choice'],
  [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
  [{ max_tokens: 0 }, 'max_completion_tokens'],
  [{ messages: [{ role: 'assistant', tool_calls: [{ id: 'a' }] }] }, 'messages[0].tool_calls[0].type'],
  [{ messages: [{ role: 'function', content: 'x' }] }, 'messages[0].role'],
  [{ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'messages[0].content'],
] as [object, string][])('%j is refused by its name', async ([rest, param]) => {
  const failure = await demo
    .chatCompletions({ ...ask('Hi'), ...rest }, neverAborted())
    .catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ApiError)
  expect(failure).toMatchObject({ status: 400, param })
})

test('null and default values are accepted', async () => {
  const answer = await demo.chatCompletions(
    { ...ask('Hi'), n: 1, stop: null, logprobs: false, user: 'u' },
    neverAborted(),
  )
  expect(answer.status).toBe(200)
})

test('embeddings are refused', async () => {
  await expect(demo.embeddings({ model: 'x', input: 'y' }, neverAborted())).rejects.toBeInstanceOf(ApiError)
})
