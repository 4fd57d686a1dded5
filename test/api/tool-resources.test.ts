import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectObject } from '../harness/shapes.ts'
import { stories } from '../harness/stories.ts'
import { storeOf, uploadFile } from '../harness/vector-stores.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, newAssistant, newThread, reach, steps } = stories(() => server)

async function refusal(path: string, body: unknown) {
  const answer = await server.request('POST', path, body)
  return { status: answer.status, body: answer.body }
}

const named = (...vector_store_ids: string[]) => ({ file_search: { vector_store_ids } })

test('a vector store that is created with an assistant has its files, chunking strategy and metadata, and never expires', async () => {
  const file_id = await uploadFile(server, 'a.txt', 'apples')
  const chunking_strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 50 },
  }
  const assistant = await newAssistant({
    tools: [{ type: 'file_search' }],
    tool_resources: {
      file_search: { vector_stores: [{ file_ids: [file_id], chunking_strategy, metadata: { of: 'store' } }] },
    },
  })
  expectObject('assistant', assistant)
  const [id] = assistant.tool_resources.file_search.vector_store_ids
  expect(assistant.tool_resources).toEqual(named(id))
  expect(await get(`/vector_stores/${id}`)).toMatchObject({
    metadata: { of: 'store' },
    expires_after: null,
    expires_at: null,
    file_counts: { total: 1 },
  })
  expect(await get(`/vector_stores/${id}/files/${file_id}`)).toMatchObject({ chunking_strategy })
})

test('a vector store that is created with a thread expires seven days after its last use', async () => {
  const file_id = await uploadFile(server, 'a.txt', 'apples')
  const { tool_resources } = await post('/threads', {
    tool_resources: { file_search: { vector_stores: [{ file_ids: [file_id] }] } },
  })
  const store = await get(`/vector_stores/${tool_resources.file_search.vector_store_ids[0]}`)
  expect(store).toMatchObject({ expires_after: { anchor: 'last_active_at', days: 7 }, name: null })
  expect(store.expires_at).toBe(store.last_active_at + 7 * 24 * 3600)
})

test('files attached for file_search are added to one vector store of the thread, which the first one creates', async () => {
  const [first, second] = [
    await uploadFile(server, 'a.txt', 'apples'),
    await uploadFile(server, 'b.txt', 'pears'),
  ]
  const attach = (file_id: string) => ({
    role: 'user',
    content: 'Look',
    attachments: [{ file_id, tools: [{ type: 'file_search' }] }],
  })
  const thread = await post('/threads')
  const message = await post(`/threads/${thread.id}/messages`, attach(first))
  expectObject('message', message)
  expect(message.attachments).toEqual(attach(first).attachments)
  const { tool_resources } = await get(`/threads/${thread.id}`)
  const [id] = tool_resources.file_search.vector_store_ids
  expect(await get(`/vector_stores/${id}`)).toMatchObject({
    expires_after: { anchor: 'last_active_at', days: 7 },
    file_counts: { total: 1 },
  })
  await post(`/threads/${thread.id}/messages`, attach(second))
  expect((await get(`/threads/${thread.id}`)).tool_resources).toEqual(tool_resources)
  expect((await get(`/vector_stores/${id}`)).file_counts.total).toBe(2)
})

test('a request with an unknown vector store or file creates nothing', async () => {
  const absent = wireError(errors.notFound('vector_store', 'vs_none'))
  const assistant = await newAssistant({ instructions: 'x' })
  const thread = await newThread('Hi')
  const tool_resources = named('vs_none')
  const count = async () => (await server.db.query({ text: 'select id from threads' })).length
  const before = await count()
  expect(await refusal('/assistants', { model: 'gpt-4o', tool_resources })).toEqual(absent)
  expect(await refusal(`/assistants/${assistant.id}`, { tool_resources })).toEqual(absent)
  expect(await refusal('/threads', { tool_resources })).toEqual(absent)
  expect(await refusal(`/threads/${thread.id}`, { tool_resources })).toEqual(absent)
  const run = { assistant_id: assistant.id }
  expect(await refusal('/threads/runs', { ...run, tool_resources })).toEqual(absent)
  expect(await refusal('/threads/runs', { ...run, thread: { tool_resources } })).toEqual(absent)
  const files = { code_interpreter: { file_ids: ['file-none'] } }
  expect(await refusal('/assistants', { model: 'gpt-4o', tool_resources: files })).toEqual(
    wireError(errors.notFound('file', 'file-none')),
  )
  expect(await count()).toBe(before)
  expect(await get(`/assistants/${assistant.id}`)).toEqual(assistant)
})

test.each([
  [
    { file_search: { vector_store_ids: ['vs_1'], vector_stores: [{}] } },
    errors.mutuallyExclusive(
      'tool_resources.file_search.vector_store_ids',
      'tool_resources.file_search.vector_stores',
    ),
  ],
  [
    { code_interpreter: { file_ids: Array.from({ length: 21 }, () => 'file-a') } },
    errors.arrayTooLong('tool_resources.code_interpreter.file_ids', 20, 21),
  ],
  [
    { file_search: { vector_stores: [{}, {}] } },
    errors.arrayTooLong('tool_resources.file_search.vector_stores', 1, 2),
  ],
  [
    { code_interpreter: { file_ids: ['abc'] } },
    errors.invalidId('tool_resources.code_interpreter.file_ids[0]', 'abc', 'file'),
  ],
])('resources like %j are refused', async (tool_resources, error) => {
  expect(await refusal('/assistants', { model: 'gpt-4o', tool_resources })).toEqual(wireError(error))
  expect(await refusal('/threads', { tool_resources })).toEqual(wireError(error))
})

test('a modification replaces the resources of the tools that it names and keeps the others', async () => {
  const { id: first } = await post('/vector_stores')
  const { id: second } = await post('/vector_stores')
  const file_id = await uploadFile(server, 'a.txt', 'apples')
  const both = { code_interpreter: { file_ids: [file_id] }, ...named(first) }
  const assistant = await newAssistant({ tool_resources: both })
  const thread = await post('/threads', { tool_resources: both })
  for (const path of [`/assistants/${assistant.id}`, `/threads/${thread.id}`]) {
    const changed = await post(path, { tool_resources: named(second) })
    expect(changed.tool_resources).toEqual({ code_interpreter: { file_ids: [file_id] }, ...named(second) })
    const emptied = await post(path, { tool_resources: { code_interpreter: { file_ids: [] } } })
    expect(emptied.tool_resources).toEqual({ code_interpreter: { file_ids: [] }, ...named(second) })
    expect((await get(path)).tool_resources).toEqual(emptied.tool_resources)
  }
})

test("the resources of a run stand in place of its assistant's, and bound what is searched", async () => {
  const apples = await storeOf(server, { 'apples.txt': 'apples grow on trees' })
  const pears = await storeOf(server, { 'pears.txt': 'pears grow on trees' })
  const assistant = await newAssistant({
    tools: [{ type: 'file_search' }],
    tool_resources: named(apples.id),
    instructions: 'Search.',
  })
  const search = {
    calls: [{ name: 'file_search', arguments: JSON.stringify({ queries: ['what grows on trees'] }) }],
  }
  const found = async (fields: object) => {
    server.model.script([search, { text: 'Done' }])
    const run = await post('/threads/runs', { assistant_id: assistant.id, ...fields })
    const done = await reach(run, 'completed', 'failed')
    const [step] = (await steps(done)).data
    return step.step_details.tool_calls[0].file_search.results.map((one: any) => one.file_id)
  }
  expect(await found({})).toEqual(apples.file_ids)
  expect(await found({ tool_resources: named(pears.id) })).toEqual(pears.file_ids)
})

test('file_search is shown with its default options, and max_num_results limits the results', async () => {
  const store = await storeOf(server, {
    'a.txt': 'apples one',
    'b.txt': 'apples two',
    'c.txt': 'apples three',
  })
  const ranking_options = { ranker: 'auto', score_threshold: 0 }
  const assistant = await newAssistant({
    tools: [{ type: 'file_search', file_search: { max_num_results: 2, ranking_options } }],
    tool_resources: named(store.id),
  })
  expect(assistant.tools).toEqual([
    {
      type: 'file_search',
      file_search: {
        max_num_results: 2,
        ranking_options: { ranker: 'default_2024_08_21', score_threshold: 0 },
      },
    },
  ])
  const bare = await newAssistant({ tools: [{ type: 'file_search' }, { type: 'code_interpreter' }] })
  expect(bare.tools[0].file_search.ranking_options.ranker).toBe('default_2024_08_21')
  expect(bare.tool_resources).toEqual({ code_interpreter: { file_ids: [] }, ...named() })
  server.model.script([
    { calls: [{ name: 'file_search', arguments: JSON.stringify({ queries: ['apples'] }) }] },
    { text: 'Done' },
  ])
  const thread = await newThread('Hi')
  const run = await post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const [step] = (await steps(await reach(run, 'completed', 'failed'))).data
  expect(step.step_details.tool_calls[0].file_search.results).toHaveLength(2)
})
