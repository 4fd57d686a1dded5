import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectList, expectObject } from '../harness/shapes.ts'
import { stories } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, newThread, place, runToRest, messages } = stories(() => server)

async function refusal(method: string, path: string, body?: unknown) {
  const answer = await server.request(method, path, body)
  return { status: answer.status, body: answer.body }
}

test('the text of a user message becomes one text part, and the message has no run', async () => {
  const thread = await post('/threads')
  const message = await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'hi' })
  const now = Math.floor(server.clock.nowMs() / 1000)
  expectObject('message', message)
  expect(message).toEqual({
    id: expect.stringMatching(/^msg_[A-Za-z0-9]{24}$/),
    object: 'thread.message',
    created_at: now,
    assistant_id: null,
    thread_id: thread.id,
    run_id: null,
    status: 'completed',
    incomplete_details: null,
    incomplete_at: null,
    completed_at: now,
    role: 'user',
    content: [{ type: 'text', text: { value: 'hi', annotations: [] } }],
    attachments: [],
    metadata: {},
  })
  expect(await get(`/threads/${thread.id}/messages/${message.id}`)).toEqual(message)
})

test('content parts keep their order and the detail of images', async () => {
  const thread = await post('/threads')
  const data = `data:image/png;base64,${Buffer.from('png').toString('base64')}`
  const message = await post(`/threads/${thread.id}/messages`, {
    role: 'assistant',
    content: [
      { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
      { type: 'text', text: 'look' },
      { type: 'image_url', image_url: { url: data } },
    ],
    metadata: { k: 'v' },
    attachments: null,
  })
  expectObject('message', message)
  expect(message.content).toEqual([
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
    { type: 'text', text: { value: 'look', annotations: [] } },
    { type: 'image_url', image_url: { url: data, detail: 'auto' } },
  ])
  expect(message).toMatchObject({ role: 'assistant', metadata: { k: 'v' }, attachments: [] })
})

test('a character beyond the basic plane counts as one and is returned unchanged', async () => {
  const thread = await post('/threads')
  const content = '😀'.repeat(256_000)
  const message = await post(`/threads/${thread.id}/messages`, { role: 'user', content })
  expect(message.content[0].text.value).toBe(content)
})

const text = { type: 'text', text: 'x' }
test.each([
  [{}, errors.missingParameter('role')],
  [{ role: 'user' }, errors.missingParameter('content')],
  [{ role: 'system', content: 'x' }, errors.invalidValue('role', 'system', ['user', 'assistant'])],
  [{ role: 'user', content: '' }, errors.emptyString('content')],
  [{ role: 'user', content: [] }, errors.emptyArray('content')],
  [{ role: 'user', content: 'a'.repeat(256_001) }, errors.stringTooLong('content', 256_000, 256_001)],
  [
    { role: 'user', content: 7 },
    errors.invalidType('content', 'one of a string or array of objects', 'an integer'),
  ],
  [
    { role: 'user', content: null },
    errors.invalidType('content', 'one of a string or array of objects', 'null'),
  ],
  [
    { role: 'user', content: [{ type: 'video' }] },
    errors.invalidValue('content[0].type', 'video', ['image_file', 'image_url', 'text']),
  ],
  [{ role: 'user', content: [text, { type: 'text' }] }, errors.missingParameter('content[1].text')],
  [
    { role: 'user', content: [{ type: 'text', text: { value: 'x' } }] },
    errors.invalidType('content[0].text', 'a string', 'an object'),
  ],
  [
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'ftp://x' } }] },
    errors.invalidImageUrl('content[0].image_url.url'),
  ],
  [
    { role: 'user', content: 'x', attachments: [{ file_id: 'file-x' }] },
    errors.missingParameter('attachments[0].tools'),
  ],
  [
    { role: 'user', content: 'x', attachments: [{ file_id: 'file-x', tools: [{ type: 'function' }] }] },
    errors.invalidValue('attachments[0].tools[0].type', 'function', ['code_interpreter', 'file_search']),
  ],
  [{ role: 'user', content: 'x', file_ids: ['file-x'] }, errors.unknownParameter('file_ids')],
  [
    { role: 'user', content: 'x', metadata: { k: 'v'.repeat(513) } },
    errors.stringTooLong('metadata.k', 512, 513),
  ],
])('creating from %j is refused and adds nothing', async (body, error) => {
  const thread = await newThread('first')
  expect(await refusal('POST', `/threads/${thread.id}/messages`, body)).toEqual(wireError(error))
  expect((await messages(thread)).data).toHaveLength(1)
})

test('a message of a run names it, and run_id finds it among the others', async () => {
  server.model.script([{ text: 'One' }, { text: 'Two' }])
  const { assistant, thread } = await place()
  const first = await runToRest({ assistant, thread })
  await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'More' })
  const second = await runToRest({ assistant, thread })
  const all = await messages(thread)
  expectList('message', all)
  expect(all.data.map((one: any) => [one.role, one.run_id, one.assistant_id])).toEqual([
    ['user', null, null],
    ['assistant', first.id, assistant.id],
    ['user', null, null],
    ['assistant', second.id, assistant.id],
  ])
  const found = await messages(thread, `run_id=${second.id}`)
  expect(found.data.map((one: any) => one.content[0].text.value)).toEqual(['Two'])
  expect((await messages(thread, 'run_id=run_unknown')).data).toEqual([])
  expect(await refusal('GET', `/threads/${thread.id}/messages?run_id=abc`)).toEqual(
    wireError(errors.invalidId('run_id', 'abc', 'run')),
  )
})

test('a modification takes metadata only', async () => {
  const thread = await newThread('hi')
  const [before] = (await messages(thread)).data
  const path = `/threads/${thread.id}/messages/${before.id}`
  const changed = await post(path, { metadata: { a: '1' } })
  expectObject('message', changed)
  expect(changed).toEqual({ ...before, metadata: { a: '1' } })
  expect(await post(path, {})).toEqual(changed)
  expect((await post(path, { metadata: null })).metadata).toEqual({})
  expect(await refusal('POST', path, { content: 'x' })).toEqual(wireError(errors.unknownParameter('content')))
})

test('a deleted message is missing in the list and in the prompt', async () => {
  const { assistant, thread } = await place()
  const extra = await post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Secret' })
  const path = `/threads/${thread.id}/messages/${extra.id}`
  const deleted = await server.request('DELETE', path)
  expect(JSON.stringify(deleted.body)).toBe(
    JSON.stringify({ id: extra.id, object: 'thread.message.deleted', deleted: true }),
  )
  const absent = wireError(errors.notFound('message', extra.id))
  expect(await refusal('GET', path)).toEqual(absent)
  expect(await refusal('POST', path, { metadata: {} })).toEqual(absent)
  expect(await refusal('DELETE', path)).toEqual(absent)
  expect((await messages(thread)).data).toHaveLength(1)
  server.model.script([
    { text: 'Hi', expect: (body) => expect(body.messages).toEqual([{ role: 'user', content: 'Hello' }]) },
  ])
  await runToRest({ assistant, thread })
})

test('a message of another thread is not found', async () => {
  const here = await newThread('here')
  const there = await newThread('there')
  const [foreign] = (await messages(there)).data
  const path = `/threads/${here.id}/messages/${foreign.id}`
  const absent = wireError(errors.notFound('message', foreign.id))
  expect(await refusal('GET', path)).toEqual(absent)
  expect(await refusal('POST', path, { metadata: { a: 'b' } })).toEqual(absent)
  expect(await refusal('DELETE', path)).toEqual(absent)
  expect((await messages(there)).data).toEqual([foreign])
})
