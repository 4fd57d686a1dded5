/** The contract of chat models, for packages of the AI SDK: servers in the wire formats of Claude and Gemini. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'
import { openAiSdkModel } from '../../src/models/ai-sdk/ai-sdk-model.ts'
import type { ChatRequest } from '../../src/models/port.ts'
import { chatModelContract } from '../contracts/chat-model.ts'
import { eventually } from '../harness/stories.ts'

/** The requested answer, as JSON in the user message. */
interface Wanted {
  words?: number
  calls?: { name: string; arguments: object }[]
  fail?: boolean
}

interface Format {
  wanted(body: any): string
  limit(body: any): number | undefined
  /** The frames before the answer, of each word, of the calls, and of the end. */
  head: string[]
  word(text: string): string[]
  calls(calls: { name: string; arguments: object }[]): string[]
  end(reason: 'stop' | 'length' | 'calls'): string[]
}

const claudeEvent = (type: string, data: object = {}) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`

const claude: Format = {
  wanted: (body) => body.messages.at(-1).content[0].text,
  limit: (body) => body.max_tokens,
  head: [
    claudeEvent('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [],
        stop_reason: null,
        usage: { input_tokens: 12, output_tokens: 1 },
      },
    }),
    claudeEvent('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  ],
  word: (text) => [claudeEvent('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })],
  calls: (calls) =>
    calls.flatMap(({ name, arguments: input }, at) => {
      const index = at + 1
      const pieces = JSON.stringify(input).split(/(?=[,:])/)
      return [
        claudeEvent('content_block_start', {
          index,
          content_block: { type: 'tool_use', id: `toolu_${at}`, name, input: {} },
        }),
        ...pieces.map((partial_json) =>
          claudeEvent('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } }),
        ),
        claudeEvent('content_block_stop', { index }),
      ]
    }),
  end: (reason) => [
    claudeEvent('message_delta', {
      delta: { stop_reason: { stop: 'end_turn', length: 'max_tokens', calls: 'tool_use' }[reason] },
      usage: { output_tokens: 9 },
    }),
    claudeEvent('message_stop'),
  ],
}

const geminiChunk = (parts: object[], rest: object = {}) =>
  `data: ${JSON.stringify({ candidates: [{ content: { role: 'model', parts }, index: 0, ...rest }], usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 9, totalTokenCount: 21 } })}\n\n`

const gemini: Format = {
  wanted: (body) => body.contents.at(-1).parts[0].text,
  limit: (body) => body.generationConfig?.maxOutputTokens,
  head: [],
  word: (text) => [geminiChunk([{ text }])],
  calls: (calls) => [
    geminiChunk(calls.map(({ name, arguments: args }) => ({ functionCall: { name, args } }))),
  ],
  end: (reason) => [
    geminiChunk([{ text: '' }], { finishReason: reason === 'length' ? 'MAX_TOKENS' : 'STOP' }),
  ],
}

/** How many answers are being sent. */
let open = 0

function framesOf(format: Format, body: unknown): string[] {
  const { words = 0, calls } = JSON.parse(format.wanted(body)) as Wanted
  if (calls) return [...format.head, ...format.calls(calls), ...format.end('calls')]
  const limit = format.limit(body) ?? Number.POSITIVE_INFINITY
  const texts = Array.from({ length: Math.min(words, limit) }, (_, at) => ` word${at}`)
  return [
    ...format.head,
    ...texts.flatMap((text) => format.word(text)),
    ...format.end(limit < words ? 'length' : 'stop'),
  ]
}

const server = createServer((request, response) => {
  open += 1
  response.on('close', () => (open -= 1))
  void (async () => {
    const body: any = await json(request)
    const format = request.url?.startsWith('/v1/') === true ? claude : gemini
    if ((JSON.parse(format.wanted(body)) as Wanted).fail === true) {
      const error = { type: 'invalid_request_error', code: 400, message: 'no', status: 'INVALID_ARGUMENT' }
      response.writeHead(400, { 'content-type': 'application/json' })
      return response.end(JSON.stringify({ type: 'error', error }))
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const frame of framesOf(format, body)) {
      if (response.destroyed) return undefined
      response.write(frame)
      await wait(2)
    }
    return response.end()
  })()
})
let origin = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.closeAllConnections())

const request = (model: string, wanted: Wanted): ChatRequest => ({
  model,
  messages: [{ role: 'user', content: JSON.stringify(wanted) }],
  ...(wanted.calls && {
    tools: wanted.calls.map(({ name }) => ({
      type: 'function' as const,
      function: { name, parameters: { type: 'object', properties: {} } },
    })),
  }),
})

for (const [type, path, model] of [
  ['anthropic', '/v1', 'claude-sonnet-4-5'],
  ['google', '/v1beta', 'gemini-2.5-flash'],
] as const) {
  chatModelContract(type, () => ({
    chat: openAiSdkModel({ type, api_key: 'k', base_url: origin + path }, type),
    model,
    text: (words) => request(model, { words }),
    calls: (calls) => request(model, { calls }),
    failing: () => request(model, { fail: true }),
    stopped: () => eventually(() => open === 0, 'the end of the call'),
  }))
}
