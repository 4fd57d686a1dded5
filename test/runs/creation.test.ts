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

/** What creates runs waits for `may` and fails when that does. */
function createsAfter(may: Promise<void>): void {
  const { query } = pg.Client.prototype as { query: (this: void, statement: unknown) => Promise<unknown> }
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(async function (
    this: pg.Client,
    statement: { name?: string; values?: string[] },
  ) {
    if (statement.name === 'write_runs' && statement.values?.[0]?.includes('"fence":"new"')) await may
    return Reflect.apply(query, this, [statement])
  } as never)
}

async function bodyFor(
  assistant_id?: string,
): Promise<{ assistant_id: string; stream: true; thread: object }> {
  const id = assistant_id ?? (await server.openai.beta.assistants.create({ model: 'gpt-4o' })).id
  return { assistant_id: id, stream: true, thread: { messages: [{ role: 'user', content: 'Hello?' }] } }
}

test('the model is asked before a new run is committed, and its answer is sent after that', async () => {
  const body = await bodyFor()
  let commit = () => {}
  createsAfter(new Promise<void>((resolve) => (commit = resolve)))
  server.model.script([{ text: 'Hello!' }])
  const streaming = server.stream('/threads/runs', body)
  await expect.poll(() => server.model.requests.length).toBe(1)
  const runs = await server.db.query({ text: 'select id from runs' })
  expect(runs).toEqual([])
  commit()
  const events = await streaming
  expect(events[0]?.event).toBe('thread.created')
  expect(events.at(-2)?.event).toBe('thread.run.completed')
})

test('when a new run cannot be committed, the model is no longer asked and nothing is left', async () => {
  const body = await bodyFor()
  let fail = (_: Error) => {}
  createsAfter(new Promise((_, reject) => (fail = reject)))
  let end = (_: unknown) => {}
  server.model.script([{ text: 'Hello!', hold: new Promise((resolve) => (end = resolve)) }])
  const answering = server.request('POST', '/threads/runs', body)
  await expect.poll(() => server.model.requests.length).toBe(1)
  fail(Object.assign(new Error('refused'), { code: '23514' }))
  const { status } = await answering
  expect(status).toBe(500)
  await expect.poll(() => server.model.abandoned()).toBe(1)
  end(undefined)
  const rows = await server.db.query({
    text: 'select id from runs union all select id from threads union all select id from messages',
  })
  expect(rows).toEqual([])
  expect(server.complaints.splice(0).map(({ message }) => message)).toEqual(['a request failed'])
})

test('a run follows the latest change of its assistant, whichever process made it', async () => {
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'Be kind.' })
  const body = await bodyFor(assistant.id)
  const sibling = await server.sibling()
  // A hint of a change may come late: then the model is asked in vain, and asked again.
  server.model.whenever(({ messages }) => ({ text: messages[0].content }))
  const answerTo = async (path: string, request: object) => {
    const events = await server.stream(path, request)
    return events.find(({ event }) => event === 'thread.message.completed')?.data.content[0].text.value
  }
  expect(await answerTo('/threads/runs', body)).toBe('Be kind.')
  await sibling.openai.beta.assistants.update(assistant.id, { instructions: 'Be short.' })
  expect(await answerTo('/threads/runs', body)).toBe('Be short.')
  const thread = await server.openai.beta.threads.create({ messages: [{ role: 'user', content: 'Hello?' }] })
  await sibling.openai.beta.assistants.update(assistant.id, { instructions: 'Be shorter.' })
  const request = { assistant_id: assistant.id, stream: true }
  expect(await answerTo(`/threads/${thread.id}/runs`, request)).toBe('Be shorter.')
  await sibling.openai.beta.assistants.delete(assistant.id)
  const { status, body: refusal } = await server.request('POST', '/threads/runs', body)
  expect(status).toBe(404)
  expect(refusal.error.message).toBe(`No assistant found with id '${assistant.id}'.`)
  await sibling.close()
})

test('a request is not refused for what its assistant was before another process changed it', async () => {
  const thread = await server.openai.beta.threads.create()
  for (const path of ['/threads/runs', `/threads/${thread.id}/runs`]) {
    const { id } = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
    server.model.script([{ text: 'Hello!' }, { text: 'Hello!' }])
    await server.stream('/threads/runs', await bodyFor(id))
    // A process whose hint is lost.
    await server.db.query({
      text: `update assistants set body = body::jsonb || '{"instructions": "Speak first."}' where id = $1`,
      values: [id],
    })
    // A thread without messages is refused unless there are instructions.
    const events = await server.stream(path, { assistant_id: id, stream: true })
    expect(events.at(-2)?.event).toBe('thread.run.completed')
  }
})

test('of runs that are created at once, few or many, each gets its own answer', async () => {
  const { assistant_id } = await bodyFor()
  server.model.whenever(({ messages }) => ({ text: messages[0].content }))
  const names = Array.from({ length: 40 }, (_, index) => `run ${index}`)
  const answers = names.map(async (content) => {
    const thread = { messages: [{ role: 'user', content }] }
    const events = await server.stream('/threads/runs', { assistant_id, stream: true, thread })
    return events.find(({ event }) => event === 'thread.message.completed')?.data.content[0].text.value
  })
  expect(await Promise.all(answers)).toEqual(names)
})
