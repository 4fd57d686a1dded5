import { afterAll, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { storeOf, uploadFile } from '../harness/vector-stores.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterAll(() => server.close())

const post = (path: string, body: unknown = {}) => server.request('POST', path, body)
const get = (path: string) => server.request('GET', path)
const searched = (file_id: string) => ({ file_id, tools: [{ type: 'file_search' }] })
const week = { anchor: 'last_active_at', days: 7 }

/** Waits until nothing of the store is in progress, and answers it. */
async function ready(id: string) {
  await expect.poll(async () => (await get(`/vector_stores/${id}`)).body.status).toBe('completed')
  return (await get(`/vector_stores/${id}`)).body
}

async function filesOf(id: string): Promise<string[]> {
  return (await get(`/vector_stores/${id}/files?order=asc`)).body.data.map((one: any) => one.id)
}

async function storeCount(): Promise<number> {
  return (await server.db.query({ text: 'select 1 from vector_stores' })).length
}

test('a vector store that is created with an assistant does not expire; the assistant shows only its id', async () => {
  const file_ids = [await uploadFile(server, 'a.txt', 'one'), await uploadFile(server, 'b.txt', 'two')]
  const strategy = { type: 'static', static: { max_chunk_size_tokens: 500, chunk_overlap_tokens: 100 } }
  const { body } = await post('/assistants', {
    model: 'gpt-4o',
    tools: [{ type: 'file_search' }],
    tool_resources: {
      file_search: { vector_stores: [{ file_ids, chunking_strategy: strategy, metadata: { of: 'it' } }] },
    },
  })
  const [id] = body.tool_resources.file_search.vector_store_ids
  expect(body.tool_resources).toEqual({ file_search: { vector_store_ids: [id] } })
  expect(await ready(id)).toMatchObject({ expires_after: null, metadata: { of: 'it' }, name: null })
  expect(await filesOf(id)).toEqual(file_ids)
  const file = await get(`/vector_stores/${id}/files/${file_ids[0]}`)
  expect(file.body.chunking_strategy).toEqual(strategy)
})

test('a vector store that is created with a thread expires a week after its last use', async () => {
  const file_id = await uploadFile(server, 'a.txt', 'one')
  const { body } = await post('/threads', {
    tool_resources: { file_search: { vector_stores: [{ file_ids: [file_id] }] } },
  })
  const [id] = body.tool_resources.file_search.vector_store_ids
  expect(await ready(id)).toMatchObject({ expires_after: week })
})

test.each(['/assistants', '/threads'])(
  '%s: a store that is named must be there and not be over',
  async (path) => {
    const naming = (id: string) => ({
      ...(path === '/assistants' && { model: 'gpt-4o' }),
      tool_resources: { file_search: { vector_store_ids: [id] } },
    })
    const missing = wireError(errors.notFound('vector_store', 'vs_none'))
    expect(await post(path, naming('vs_none'))).toMatchObject(missing)
    const { id } = await server.openai.vectorStores.create({})
    const made = await post(path, naming(id))
    expect(made.body.tool_resources).toEqual({ file_search: { vector_store_ids: [id] } })
    expect(await post(`${path}/${made.body.id}`, naming('vs_none'))).toMatchObject(missing)
    const short = await server.openai.vectorStores.create({
      expires_after: { anchor: 'last_active_at', days: 1 },
    })
    server.clock.advance(86_400)
    const expired = wireError(errors.vectorStoreExpired(short.id))
    expect(await post(path, naming(short.id))).toMatchObject(expired)
    expect(await post(`${path}/${made.body.id}`, naming(short.id))).toMatchObject(expired)
    const both = { vector_store_ids: [id], vector_stores: [{}] }
    const answer = await post(path, { ...naming(id), tool_resources: { file_search: both } })
    expect(answer.body.error.code).toBe('mutually_exclusive_parameters')
  },
)

test('when the files of a new vector store are refused, neither the store nor its owner is created', async () => {
  const before = await storeCount()
  const picture = await uploadFile(server, 'p.png', 'x')
  for (const [file_id, error] of [
    ['file-none', errors.notFound('file', 'file-none')],
    [picture, errors.unsupportedFile(['.png'])],
  ] as const) {
    const tool_resources = { file_search: { vector_stores: [{ file_ids: [file_id] }] } }
    expect(await post('/threads', { tool_resources })).toMatchObject(wireError(error))
    expect(await post('/assistants', { model: 'gpt-4o', tool_resources })).toMatchObject(wireError(error))
  }
  expect(await storeCount()).toBe(before)
})

test('a file that a message attaches for search is added to the vector store of the thread, which is created when there is none', async () => {
  const [one, two, three] = [
    await uploadFile(server, 'a.txt', 'one'),
    await uploadFile(server, 'b.txt', 'two'),
    await uploadFile(server, 'c.txt', 'three'),
  ]
  const { body: thread } = await post('/threads', {
    messages: [{ role: 'user', content: 'Read this.', attachments: [searched(one)] }],
  })
  const [id] = thread.tool_resources.file_search.vector_store_ids
  expect(await ready(id)).toMatchObject({ expires_after: week, name: null })
  const path = `/threads/${thread.id}/messages`
  const both = { file_id: two, tools: [{ type: 'file_search' }, { type: 'code_interpreter' }] }
  const message = await post(path, {
    role: 'user',
    content: 'And this.',
    attachments: [both, searched(three)],
  })
  expect(message.body.attachments).toEqual([both, searched(three)])
  expect((await get(`/threads/${thread.id}`)).body.tool_resources).toEqual({
    code_interpreter: { file_ids: [two] },
    file_search: { vector_store_ids: [id] },
  })
  expect(await filesOf(id)).toEqual([one, two, three])
  await server.request('DELETE', `${path}/${message.body.id}`)
  expect(await filesOf(id)).toHaveLength(3)

  // A store that was deleted is replaced; an expired one is an error.
  await server.request('DELETE', `/vector_stores/${id}`)
  await post(path, { role: 'user', content: 'Again.', attachments: [searched(one)] })
  const [next] = (await get(`/threads/${thread.id}`)).body.tool_resources.file_search.vector_store_ids
  expect(next).not.toBe(id)
  await ready(next)
  server.clock.advance(7 * 86_400)
  const late = await post(path, { role: 'user', content: 'Late.', attachments: [searched(two)] })
  expect(late).toMatchObject(wireError(errors.vectorStoreExpired(next)))
})

test('attachments are added to the vector store that the new thread names or creates', async () => {
  const [one, two] = [await uploadFile(server, 'a.txt', 'one'), await uploadFile(server, 'b.txt', 'two')]
  const messages = [{ role: 'user', content: 'Hi', attachments: [searched(two), searched(one)] }]
  const making = { file_search: { vector_stores: [{ file_ids: [one] }] } }
  const made = await post('/threads', { messages, tool_resources: making })
  const [id] = made.body.tool_resources.file_search.vector_store_ids
  await ready(id)
  expect(await filesOf(id)).toEqual([one, two])
  const known = await storeOf(server, { 'c.txt': 'three' })
  const naming = { file_search: { vector_store_ids: [known.id] } }
  const named = await post('/threads', { messages, tool_resources: naming })
  expect(named.body.tool_resources).toEqual(naming)
  await ready(known.id)
  expect(await filesOf(known.id)).toEqual([...known.file_ids, two, one])
})

test('runs add files too: with their messages, and with the thread that they create', async () => {
  server.model.whenever(() => ({ text: ['ok'] }))
  const file_id = await uploadFile(server, 'a.txt', 'one')
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o' })
  const messages = [{ role: 'user', content: 'Hi', attachments: [searched(file_id)] }]
  const { body: thread } = await post('/threads')
  const added = await post(`/threads/${thread.id}/runs`, {
    assistant_id: assistant.id,
    additional_messages: messages,
  })
  const made = await post('/threads/runs', { assistant_id: assistant.id, thread: { messages } })
  for (const run of [added.body, made.body]) {
    await server.openai.beta.threads.runs.poll(run.id, { thread_id: run.thread_id })
    const { body } = await get(`/threads/${run.thread_id}`)
    const [id] = body.tool_resources.file_search.vector_store_ids
    expect(await ready(id)).toMatchObject({ file_counts: { completed: 1, total: 1 }, expires_after: week })
  }
  const before = await storeCount()
  const nowhere = { file_search: { vector_store_ids: ['vs_none'] } }
  const refused = await post('/threads/runs', {
    assistant_id: assistant.id,
    thread: { messages },
    tool_resources: nowhere,
  })
  expect(refused).toMatchObject(wireError(errors.notFound('vector_store', 'vs_none')))
  expect(await storeCount()).toBe(before)
})
