import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectList, expectObject } from '../harness/shapes.ts'
import { eventually, gate, stories } from '../harness/stories.ts'
import { requestStream } from '../harness/read-stream.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, newAssistant, newThread, start, reach, messages } = stories(() => server)

async function refusal(method: string, path: string, body?: unknown) {
  const answer = await server.request(method, path, body)
  return { status: answer.status, body: answer.body }
}

test('a thread can be created without a body', async () => {
  const thread = await post('/threads')
  expectObject('thread', thread)
  expect(thread).toEqual({
    id: expect.stringMatching(/^thread_[A-Za-z0-9]{24}$/),
    object: 'thread',
    created_at: Math.floor(server.clock.nowMs() / 1000),
    metadata: {},
    tool_resources: {},
  })
})

test('a thread without resources shows {} when it is created or modified, and empty file_ids when it is retrieved', async () => {
  const thread = await post('/threads', { tool_resources: null, metadata: null })
  expect(thread.tool_resources).toEqual({})
  const fetched = await get(`/threads/${thread.id}`)
  expectObject('thread', fetched)
  expect(fetched).toEqual({ ...thread, tool_resources: { code_interpreter: { file_ids: [] } } })
  expect((await post(`/threads/${thread.id}`, {})).tool_resources).toEqual({})
})

test('the first messages of a thread keep their order, roles, metadata and parts', async () => {
  const thread = await post('/threads', {
    metadata: { k: 'v' },
    messages: [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two', metadata: { a: 'b' } },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'three' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
        ],
      },
    ],
  })
  expect(thread.metadata).toEqual({ k: 'v' })
  const list = await messages(thread, 'order=asc')
  expectList('message', list)
  expect(list.data.map((one: any) => [one.role, one.content[0].text.value, one.metadata])).toEqual([
    ['user', 'one', {}],
    ['assistant', 'two', { a: 'b' }],
    ['user', 'three', {}],
  ])
  expect(list.data[2].content[1]).toEqual({
    type: 'image_url',
    image_url: { url: 'https://example.com/a.png', detail: 'auto' },
  })
  const newest = await messages(thread, 'order=desc')
  expect(newest.data).toEqual(list.data.toReversed())
})

test.each([
  [{ messages: [{ content: 'x' }] }, errors.missingParameter('messages[0].role')],
  [
    { messages: [{ role: 'system', content: 'x' }] },
    errors.invalidValue('messages[0].role', 'system', ['user', 'assistant']),
  ],
  [{ messages: [{ role: 'user' }] }, errors.missingParameter('messages[0].content')],
  [
    {
      messages: [
        { role: 'user', content: 'a' },
        { role: 'user', content: '' },
      ],
    },
    errors.emptyString('messages[1].content'),
  ],
  [
    { messages: [{ role: 'user', content: 'a', file_ids: [] }] },
    errors.unknownParameter('messages[0].file_ids'),
  ],
  [
    { messages: [{ role: 'user', content: 'a', attachments: [{ file_id: 'file-x' }] }] },
    errors.missingParameter('messages[0].attachments[0].tools'),
  ],
  [{ messages: {} }, errors.invalidType('messages', 'an array', 'an object')],
  [{ foo: 1 }, errors.unknownParameter('foo')],
  [{ metadata: ['a'] }, errors.invalidType('metadata', 'an object', 'an array')],
])('creating from %j is refused and leaves no thread', async (body, error) => {
  const before = await server.db.query({ text: 'select id from threads' })
  expect(await refusal('POST', '/threads', body)).toEqual(wireError(error))
  expect(await server.db.query({ text: 'select id from threads' })).toHaveLength(before.length)
})

test('a modification replaces the metadata, and null or {} clear it', async () => {
  const thread = await post('/threads', { metadata: { a: '1' } })
  const path = `/threads/${thread.id}`
  const changed = await post(path, { metadata: { b: '2' } })
  expectObject('thread', changed)
  expect(changed).toEqual({ ...thread, metadata: { b: '2' } })
  expect((await post(path, { metadata: null })).metadata).toEqual({})
  expect((await post(path, { metadata: { c: '3' } })).metadata).toEqual({ c: '3' })
  expect((await post(path, { tool_resources: {} })).metadata).toEqual({ c: '3' })
  expect((await post(path, { metadata: {} })).metadata).toEqual({})
})

test('a modification of a thread cannot create a vector store', async () => {
  const { id } = await post('/threads')
  expect(
    await refusal('POST', `/threads/${id}`, { tool_resources: { file_search: { vector_stores: [{}] } } }),
  ).toEqual(wireError(errors.unknownParameter('tool_resources.file_search.vector_stores')))
})

test('a deleted thread takes its messages, runs and steps with it', async () => {
  server.model.script([{ text: 'Hi' }])
  const assistant = await newAssistant()
  const thread = await newThread('Hello')
  const run = await reach(await start({ assistant, thread }), 'completed')
  const [answer] = (await messages(thread, 'limit=1')).data
  const path = `/threads/${thread.id}`
  const deleted = await server.request('DELETE', path)
  expect(JSON.stringify(deleted.body)).toBe(
    JSON.stringify({ id: thread.id, object: 'thread.deleted', deleted: true }),
  )
  const absent = wireError(errors.notFound('thread', thread.id))
  for (const [method, place, body] of [
    ['GET', path],
    ['POST', path, {}],
    ['DELETE', path],
    ['GET', `${path}/messages`],
    ['POST', `${path}/messages`, { role: 'user', content: 'x' }],
    ['GET', `${path}/messages/${answer.id}`],
    ['POST', `${path}/messages/${answer.id}`, { metadata: {} }],
    ['DELETE', `${path}/messages/${answer.id}`],
    ['GET', `${path}/runs`],
    ['POST', `${path}/runs`, { assistant_id: assistant.id }],
    ['GET', `${path}/runs/${run.id}`],
    ['POST', `${path}/runs/${run.id}`, { metadata: {} }],
    ['POST', `${path}/runs/${run.id}/cancel`],
    ['POST', `${path}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: [] }],
    ['GET', `${path}/runs/${run.id}/steps`],
    ['GET', `${path}/runs/${run.id}/steps/step_x`],
  ] as const) {
    expect([method, place, await refusal(method, place, body)]).toEqual([method, place, absent])
  }
})

test('a thread can be deleted while its run is active: the model call ends and so does the stream', async () => {
  const hold = gate()
  server.model.script([{ text: ['Hel', 'lo'], hold: hold.promise }])
  const assistant = await newAssistant()
  const thread = await newThread('Hello')
  const url = `${server.url}/threads/${thread.id}/runs`
  const response = await requestStream(url, { assistant_id: assistant.id })
  const reader = response.body?.getReader()
  let text = ''
  while (!text.includes('thread.message.delta')) {
    const piece = await reader?.read()
    text += new TextDecoder().decode(piece?.value)
  }
  expect((await server.request('DELETE', `/threads/${thread.id}`)).body.deleted).toBe(true)
  for (;;) {
    const piece = await reader?.read()
    if (!piece || piece.done) break
    text += new TextDecoder().decode(piece.value)
  }
  const runId = /run_\w{24}/.exec(text)?.[0] ?? ''
  expect(text.trim().split('\n\n').at(-1)).toBe(
    `event: error\ndata: ${JSON.stringify(errors.notFound('run', runId).toBody())}`,
  )
  await eventually(() => server.model.abandoned() === 1, 'the end of the model call')
  hold.open()
})
