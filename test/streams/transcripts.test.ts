/**
 * Whole streams, byte for byte, compared with text files: ids are numbered in the order in which they appear,
 * times are seconds since the time of the clock.
 */
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { RunEvent } from '../../src/api/events.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { expectWire } from '../harness/shapes.ts'
import { eventually, gate, stories, timeTool, weatherTool } from '../harness/stories.ts'
import { requestStream } from '../harness/read-stream.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, newAssistant, newThread, place, get, messages } = stories(() => server)

async function streamText(path: string, body: object): Promise<string> {
  const response = await requestStream(server.url + path, body)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  return response.text()
}

/** Keeps the names of a story that has several streams. */
function normaliser(): (text: string) => string {
  const now = Math.floor(server.clock.nowMs() / 1000)
  const names = new Map<string, string>()
  return (text) =>
    text
      .replaceAll(/"((?:asst|thread|run|step|msg)_)[A-Za-z0-9]{24}"/g, (id, prefix: string) => {
        const known = names.get(id)
        if (known !== undefined) return known
        const count = [...names.values()].filter((name) => name.startsWith(`"${prefix}`)).length
        const name = `"${prefix}${count + 1}"`
        names.set(id, name)
        return name
      })
      .replaceAll(/(_at":)(\d+)/g, (_, key: string, at: string) => `${key}${Number(at) - now}`)
}

function expectTranscript(name: string, text: string): void {
  const expected = readFileSync(new URL(`transcripts/${name}.txt`, import.meta.url), 'utf8')
  expect(text.split('\n')).toEqual(expected.split('\n'))
}

/** Every event but the last is one that the API knows, with a payload in the order of the wire. */
function expectKnownEvents(text: string): void {
  for (const block of text.split('\n\n')) {
    const [, event, data] = /^event: (thread\.\S+)\ndata: (.*)$/.exec(block) ?? []
    if (event !== undefined) expectWire(RunEvent, { event, data: JSON.parse(data ?? '') })
  }
}

test('a plain text run', async () => {
  server.model.script([{ text: ['Hel', 'lo', '!'] }])
  const { assistant, thread } = await place()
  const text = await streamText(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  expectKnownEvents(text)
  expectTranscript('plain', normaliser()(text))
})

test('a thread and its run', async () => {
  server.model.script([{ text: ['Hel', 'lo'] }])
  const assistant = await newAssistant({ instructions: 'Greet.' })
  const text = await streamText('/threads/runs', {
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hi' }], metadata: { of: 'thread' } },
    metadata: { of: 'run' },
  })
  expectKnownEvents(text)
  expectTranscript('thread-and-run', normaliser()(text))
})

test('a function call, its submit, and the answer', async () => {
  server.model.script([
    { calls: [{ id: 'call_1', name: 'get_weather', arguments: ['{"', 'city', '":"Rome"}'] }] },
    { text: ['Sun', 'ny'] },
  ])
  const { assistant, thread } = await place({ tools: [weatherTool] })
  const first = await streamText(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const run = JSON.parse(/requires_action\ndata: (.*)/.exec(first)?.[1] ?? '')
  const second = await streamText(`/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`, {
    tool_outputs: [{ tool_call_id: 'call_1', output: '22 °C' }],
  })
  const normalise = normaliser()
  expectKnownEvents(first + second)
  expectTranscript('function-call', normalise(first))
  expectTranscript('function-call-submit', normalise(second))
})

test('text, then parallel calls, then another round', async () => {
  server.model.script([
    {
      text: ['Let me ', 'see.'],
      calls: [
        { id: 'call_1', name: 'get_weather', arguments: ['{"city":', '"Rome"}'] },
        { id: 'call_2', name: 'get_time', arguments: '{}' },
      ],
    },
    { calls: [{ id: 'call_3', name: 'get_time', arguments: '{}' }] },
  ])
  const { assistant, thread } = await place({ tools: [weatherTool, timeTool] })
  const first = await streamText(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const run = JSON.parse(/requires_action\ndata: (.*)/.exec(first)?.[1] ?? '')
  const path = `/threads/${thread.id}/runs/${run.id}`
  const second = await streamText(`${path}/submit_tool_outputs`, {
    tool_outputs: [
      { tool_call_id: 'call_2', output: 'noon' },
      { tool_call_id: 'call_1', output: 'sun' },
    ],
  })
  await post(`${path}/cancel`)
  const normalise = normaliser()
  expectKnownEvents(first + second)
  expectTranscript('parallel-calls', normalise(first))
  expectTranscript('parallel-calls-submit', normalise(second))
})

test('a failure in the middle of the answer', async () => {
  server.model.script([{ cut: true, text: ['Hel', 'lo'] }])
  const { assistant, thread } = await place()
  const text = await streamText(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  expect(server.complaints.splice(0)).toHaveLength(1)
  expectKnownEvents(text)
  expectTranscript('failure', normaliser()(text))
})

test('a failure before the first token', async () => {
  server.model.script([{ status: 400, body: { error: { message: 'Too long.' } } }])
  const { assistant, thread } = await place()
  const text = await streamText(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  expect(server.complaints.splice(0)).toHaveLength(1)
  expectKnownEvents(text)
  expectTranscript('failure-at-once', normaliser()(text))
})

test('an answer that the budget cuts', async () => {
  server.model.script([{ text: ['Hel', 'lo'], finish_reason: 'length' }])
  const { assistant, thread } = await place()
  const text = await streamText(`/threads/${thread.id}/runs`, {
    assistant_id: assistant.id,
    max_completion_tokens: 256,
  })
  expectKnownEvents(text)
  expectTranscript('incomplete', normaliser()(text))
})

test('a refusal', async () => {
  server.model.script([{ refusal: ["I'm ", 'sorry'] }])
  const { assistant, thread } = await place()
  const text = await streamText(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  expectKnownEvents(text)
  expectTranscript('refusal', normaliser()(text))
})

/** Starts a stream whose model stops short of its end, and waits until the message is there. */
async function heldStream(): Promise<{ text: Promise<string>; path: string; open: () => void }> {
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const assistant = await newAssistant()
  const thread = await newThread('Hello')
  const text = streamText(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  await eventually(async () => (await messages(thread)).data.length === 2, 'the message')
  const [run] = (await get(`/threads/${thread.id}/runs`)).data
  return { text, path: `/threads/${thread.id}/runs/${run.id}`, open: hold.open }
}

test('a cancel by another client', async () => {
  const { text, path, open } = await heldStream()
  await post(`${path}/cancel`)
  const seen = await text
  open()
  expectKnownEvents(seen)
  expectTranscript('cancel', normaliser()(seen))
})

test('an expiry', async () => {
  const normalise = normaliser()
  const { text, open } = await heldStream()
  server.clock.advance(600)
  const seen = await text
  open()
  expectKnownEvents(seen)
  expectTranscript('expiry', normalise(seen))
})
