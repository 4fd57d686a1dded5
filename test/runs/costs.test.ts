import { once } from 'node:events'
import { connect } from 'node:net'
import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'

let server: TestServer

beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await server.close()
})

/** Answers the names of the statements that have been sent since and belong to runs. */
function statementsOfRuns(): () => string[] {
  const sent = vi.spyOn(pg.Client.prototype, 'query')
  return () =>
    (sent.mock.calls as unknown as [{ name?: string }][])
      .map(([{ name = '' }]) => name)
      .filter((name) => /assistant|message|step|thread|find_run|read_events/.test(name))
}

async function bodyOf(content: string): Promise<object> {
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  return { assistant_id: assistant.id, stream: true, thread: { messages: [{ role: 'user', content }] } }
}

test('a run on a new thread reads its assistant and nothing else', async () => {
  const body = await bodyOf('Hello?')
  server.model.script([{ text: 'Hello!' }])
  const names = statementsOfRuns()
  const events = await server.stream('/threads/runs', body)
  expect(events.at(-2)?.event).toBe('thread.run.completed')
  expect(names()).toEqual(['find_assistant'])
})

test('the next run of an assistant on a new thread reads nothing', async () => {
  const body = await bodyOf('Hello?')
  server.model.script([{ text: 'Hello!' }, { text: 'Hello!' }])
  await server.stream('/threads/runs', body)
  const names = statementsOfRuns()
  await server.stream('/threads/runs', body)
  expect(names()).toEqual([])
})

test('a run on a thread that exists reads the messages and steps of the thread once', async () => {
  const { thread: _, ...body } = (await bodyOf('')) as { thread: object }
  const thread = await server.openai.beta.threads.create({ messages: [{ role: 'user', content: 'Hello?' }] })
  server.model.script([{ text: 'Hello!' }])
  const names = statementsOfRuns()
  await server.stream(`/threads/${thread.id}/runs`, body)
  expect(names().filter((name) => /messages|steps/.test(name))).toEqual([
    'newest_messages',
    'steps_of_thread',
  ])
})

test('a streamed submit looks its thread and its run up once, and not again after its stream', async () => {
  const tools = [{ type: 'function' as const, function: { name: 'weather' } }]
  const { id } = await server.openai.beta.assistants.create({ model: 'gpt-4o', tools })
  server.model.script([{ calls: [{ id: 'call_1', name: 'weather', arguments: '{}' }] }, { text: 'Warm.' }])
  const run = await server.openai.beta.threads.createAndRunPoll({
    assistant_id: id,
    thread: { messages: [{ role: 'user', content: 'Is it warm?' }] },
  })
  const tool_call_id = run.required_action?.submit_tool_outputs.tool_calls[0]?.id
  const names = statementsOfRuns()
  await server.stream(`/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`, {
    stream: true,
    tool_outputs: [{ tool_call_id, output: 'yes' }],
  })
  await server.openai.models.list()
  expect(names().filter((name) => name === 'find_thread')).toHaveLength(1)
})

test('the first write of a stream holds the head of the answer and the events of the new run', async () => {
  const body = JSON.stringify(await bodyOf('Hello?'))
  server.model.script([{ text: 'Hello!' }])
  const { hostname, port, pathname } = new URL(`${server.url}/threads/runs`)
  const socket = connect(Number(port), hostname).setEncoding('utf8')
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer key\r\nopenai-beta: assistants=v2\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
  const [first] = (await once(socket, 'data')) as [string]
  await once(socket.resume(), 'end')
  expect(first).toMatch(/^HTTP\/1.1 200 OK\r\n/)
  expect(first).toContain('event: thread.run.queued')
})
