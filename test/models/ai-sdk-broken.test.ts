/** Servers in the wire formats of Claude and Gemini that answer with broken streams and redirects. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openAiSdkModel } from '../../src/models/ai-sdk/ai-sdk-model.ts'
import type { ChatRequest, ModelPart } from '../../src/models/port.ts'
import { neverAborted, textOf } from '../contracts/chat-model.ts'

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

for (const [type, start] of [
  ['anthropic', claudeStart],
  ['google', geminiStart],
] as const) {
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
