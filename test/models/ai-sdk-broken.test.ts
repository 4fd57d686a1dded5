/** Servers in the wire formats of Claude and Gemini that answer with broken streams and redirects. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openAiSdkModel } from '../../src/models/ai-sdk/ai-sdk-model.ts'
import type { ChatRequest, ModelPart } from '../../src/models/port.ts'
import { collect, neverAborted, textOf } from '../contracts/chat-model.ts'
import { eventually } from '../harness/stories.ts'

let answer: (response: ServerResponse) => void
let paths: (string | undefined)[]
const server = createServer((request, response) => {
  paths.push(request.url)
  request.resume().once('end', () => answer(response))
})
let origin = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  paths = []
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const question: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'Hello?' }] }

/** What arrived before the failure, and the failure. */
async function failed(type: 'anthropic' | 'google'): Promise<{ parts: ModelPart[]; failure: unknown }> {
  const chat = openAiSdkModel({ type, api_key: 'k', base_url: `${origin}/v1`, max_retries: 1 }, type)
  const parts: ModelPart[] = []
  try {
    for await (const part of chat.stream(question, neverAborted())) parts.push(part)
  } catch (failure) {
    return { parts, failure }
  }
  return { parts, failure: undefined }
}

const claudeStart =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n' +
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n' +
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}\n\n'
const geminiStart =
  'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hel"}]},"index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}\n\n'

const claudeText = (text: string) =>
  `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${text}"}}\n\n`
const geminiText = (text: string) =>
  `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"${text}"}]},"index":0}]}\n\n`
const claudeCall = (index: number) =>
  `data: {"type":"content_block_start","index":${index},"content_block":{"type":"tool_use","id":"c${index}","name":"f","input":{}}}\n\n` +
  `data: {"type":"content_block_stop","index":${index}}\n\n`
const geminiCall = () =>
  'data: {"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},"index":0}]}\n\n'

/** More than a driver may read of one event, and less than all that the server would send. */
const mostSent = 32 * 1024 * 1024
const all = 128 * 1024 * 1024

/** Sends the head and then the piece until the client disconnects or has read all. Returns how much was written. */
async function sendWithoutEnd(
  response: ServerResponse,
  { head = '', piece, through = new PassThrough() }: { head?: string; piece: string; through?: Transform },
): Promise<number> {
  let sent = 0
  function* pieces(): Generator<string> {
    yield head
    for (; sent < all; sent += piece.length) yield piece
  }
  await pipeline(Readable.from(pieces(), { objectMode: false }), through, response).catch(() => {})
  return sent
}

for (const [type, start, text, call] of [
  ['anthropic', claudeStart, claudeText, claudeCall],
  ['google', geminiStart, geminiText, geminiCall],
] as const) {
  const letters = 'a'.repeat(64 * 1024)
  test.for([
    ['a line without end', `${start}data: `, letters],
    ['an event of lines without end', start, `data: ${letters}\n`],
    ['an event without end, with CR LF', start, `data: ${letters}\r\n`],
    ['a comment without end', `${start}: `, letters],
    ['no line at all', '', letters],
  ])(`%s of ${type} ends the answer, and the rest is not read`, async ([, head = '', piece = '']) => {
    let sent: Promise<number> | undefined
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      sent = sendWithoutEnd(response, { head, piece })
    }
    const { parts, failure } = await failed(type)
    expect(textOf(parts)).toBe(head === '' ? '' : 'Hel')
    expect(failure).toMatchObject({
      name: 'ModelFailure',
      code: 'server_error',
      cause: { message: 'an event without end' },
    })
    expect(await sent).toBeLessThan(mostSent)
    expect(paths).toHaveLength(1)
  })

  test(`a compressed answer of ${type} is limited by its size after decompression`, async () => {
    let sent: Promise<number> | undefined
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' })
      sent = sendWithoutEnd(response, { head: start, piece: letters, through: createGzip({ level: 1 }) })
    }
    const { failure } = await failed(type)
    expect(failure).toMatchObject({ code: 'server_error', cause: { message: 'an event without end' } })
    await sent
  })

  test(`an answer of ${type} whose text never ends is ended`, async () => {
    let sent: Promise<number> | undefined
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      sent = sendWithoutEnd(response, { head: start, piece: text(letters) })
    }
    const { parts, failure } = await failed(type)
    expect(textOf(parts).length).toBeGreaterThan(mostSent / 2)
    expect(failure).toMatchObject({ code: 'server_error', cause: { message: 'an answer without end' } })
    expect(await sent).toBeLessThan(2 * mostSent)
  })

  test(`an answer of ${type} with thousands of calls is ended`, async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
      response.end(Array.from({ length: 5_000 }, (_, at) => call(at + 1)).join(''))
    }
    const { parts, failure } = await failed(type)
    expect(parts.filter((part) => part.type === 'tool-call-start')).toHaveLength(1_000)
    expect(failure).toMatchObject({ code: 'server_error', cause: { message: 'more than 1000 tool calls' } })
  })

  const errors = [
    [400, { code: 'invalid_prompt', message: "The model's provider refused the request (HTTP 400)." }],
    [401, { code: 'server_error', message: expect.stringContaining('credentials') }],
    [404, { code: 'invalid_prompt', message: "The model's provider refused the request (HTTP 404)." }],
  ] as const
  test.for(errors)(
    `an error %i of ${type} whose body never ends keeps its status`,
    async ([status, expected]) => {
      let sent: Promise<number> | undefined
      answer = (response) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        sent = sendWithoutEnd(response, { piece: letters })
      }
      const { failure } = await failed(type)
      expect(failure).toMatchObject(expected)
      expect(await sent).toBeLessThan(mostSent)
      expect(paths).toHaveLength(1)
    },
  )

  test(`an error of ${type} whose body stalls keeps its status`, async () => {
    answer = (response) => response.writeHead(404, { 'content-type': 'application/json' }).write('{"error":')
    expect((await failed(type)).failure).toMatchObject(errors[2][1])
    expect(paths).toHaveLength(1)
  })

  test.for(errors)(
    `an error %i of ${type} whose body breaks keeps its status`,
    async ([status, expected]) => {
      answer = (response) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.write('{"error":', () => response.destroy())
      }
      expect((await failed(type)).failure).toMatchObject(expected)
      expect(paths).toHaveLength(1)
    },
  )

  test(`an abort does not wait for the body of an error of ${type}`, async () => {
    const controller = new AbortController()
    const reason = new Error('called off')
    let isClosed = false
    answer = (response) => {
      response.once('close', () => (isClosed = true))
      response.writeHead(404, { 'content-type': 'application/json' })
      response.write('{"error":', () => controller.abort(reason))
    }
    const chat = openAiSdkModel({ type, api_key: 'k', base_url: `${origin}/v1` }, type)
    await expect(collect(chat.stream(question, controller.signal))).rejects.toBe(reason)
    await eventually(() => isClosed, 'the end of the call')
  })

  test(`the message of a long error of ${type} is shown`, async () => {
    const error = { type: 'invalid_request_error', code: 400, message: 'too many images', details: [] }
    answer = (response) =>
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ type: 'error', error, more: 'a'.repeat(60 * 1024) }))
    const { failure } = await failed(type)
    expect(failure).toMatchObject({ code: 'invalid_prompt', message: 'too many images' })
  })

  test.for([
    ['ends between two events', start],
    ['ends in a line', `${start}data: {"candidates":[{"conte`],
    ['ends after a comment', `${start}: keep-alive\n\n`],
  ])(`a stream of ${type} that %s fails after its text`, async ([, body]) => {
    answer = (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(body)
    const { parts, failure } = await failed(type)
    expect(textOf(parts)).toBe('Hel')
    expect(failure).toMatchObject({ name: 'ModelFailure', code: 'server_error' })
    expect(paths).toHaveLength(1)
  })

  test.for([
    ['no bytes', ''],
    ['a page', '<html><body>Please log in.</body></html>'],
    ['comments', ': keep-alive\n\n'.repeat(100)],
  ])(`an answer of ${type} with %s instead of a stream is tried again, and then fails`, async ([, body]) => {
    answer = (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(body)
    const { parts, failure } = await failed(type)
    expect(parts).toEqual([])
    expect(failure).toMatchObject({ name: 'ModelFailure', code: 'server_error' })
    expect(paths).toHaveLength(2)
  })

  test.for([301, 302, 307])(
    `a redirect of ${type} with %i is not followed: the key stays here`,
    async (status) => {
      answer = (response) => response.writeHead(status, { location: `${origin}/elsewhere` }).end()
      const { failure } = await failed(type)
      expect(failure).toMatchObject({ name: 'ModelFailure', code: 'server_error' })
      expect(paths).not.toContain('/elsewhere')
    },
  )
}
