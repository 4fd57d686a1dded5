import { toFile } from 'openai'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectList, expectObject } from '../harness/shapes.ts'
import { storeOf, uploadFile } from '../harness/vector-stores.ts'
import { gate } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterEach(() => server.model.holdEmbeddings(undefined))
afterAll(() => server.close())

const post = (path: string, body: unknown = {}) => server.request('POST', path, body)
const get = (path: string) => server.request('GET', path)

async function newStore(): Promise<string> {
  return (await post('/vector_stores')).body.id
}

test('attaching a file returns it at once in progress, with the interval for polling', async () => {
  const id = await newStore()
  const file_id = await uploadFile(server, 'a.txt', 'hello')
  const answer = await post(`/vector_stores/${id}/files`, {
    file_id,
    attributes: { year: 2024, is_new: true },
  })
  expect(answer.status).toBe(200)
  expectObject('vector_store_file', answer.body)
  expect(answer.body).toEqual({
    id: file_id,
    object: 'vector_store.file',
    usage_bytes: 0,
    created_at: Math.floor(server.clock.nowMs() / 1000),
    vector_store_id: id,
    status: 'in_progress',
    last_error: null,
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 } },
    attributes: { year: 2024, is_new: true },
  })
  expect(Number(answer.headers.get('openai-poll-after-ms'))).toBeGreaterThan(0)
  const done = await server.openai.vectorStores.files.poll(id, file_id)
  expect(done).toEqual({ ...answer.body, status: 'completed', usage_bytes: 5 })
})

test('attaching a file again returns its existing entry', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'hello' })
  const [file_id = ''] = file_ids
  await post(`/vector_stores/${id}/files/${file_id}`, { attributes: { a: 1 } })
  const before = await get(`/vector_stores/${id}/files/${file_id}`)
  const again = await post(`/vector_stores/${id}/files`, { file_id, chunking_strategy: { type: 'auto' } })
  expect(again.body).toEqual(before.body)
  expect((await get(`/vector_stores/${id}`)).body.file_counts.total).toBe(1)
})

test('attaching a file again with attributes replaces its attributes, also in a batch', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'hello', 'b.txt': 'hello too' })
  const [one = '', two = ''] = file_ids
  const before = await get(`/vector_stores/${id}/files/${one}`)
  const again = await post(`/vector_stores/${id}/files`, { file_id: one, attributes: { new: true } })
  expect(again.body).toEqual({ ...before.body, attributes: { new: true } })
  expect((await get(`/vector_stores/${id}/files/${two}`)).body.attributes).toEqual({})
  await post(`/vector_stores/${id}/file_batches`, {
    files: [{ file_id: one }, { file_id: two, attributes: { new: 'b' } }],
  })
  const { body } = await get(`/vector_stores/${id}/files?order=asc`)
  expect(body.data.map((file: any) => file.attributes)).toEqual([{ new: true }, { new: 'b' }])
  expect(body.data.map((file: any) => file.status)).toEqual(['completed', 'completed'])
  const emptied = await post(`/vector_stores/${id}/files`, { file_id: one, attributes: {} })
  expect(emptied.body.attributes).toEqual({})
})

test('attaching a file again with another chunking strategy cuts it into chunks again', async () => {
  const text = Array.from({ length: 200 }, (_, index) => `Sentence ${index} is about apples.`).join(' ')
  const { id, file_ids } = await storeOf(server, { 'a.txt': text })
  const [file_id = ''] = file_ids
  const results = async () =>
    (await post(`/vector_stores/${id}/search`, { query: 'apples', max_num_results: 50 })).body.data.length
  const before = await results()
  const chunking_strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 },
  }
  const again = await post(`/vector_stores/${id}/files`, { file_id, chunking_strategy })
  expect(again.body).toMatchObject({ status: 'in_progress', chunking_strategy, usage_bytes: 0 })
  await expect
    .poll(async () => (await get(`/vector_stores/${id}/files/${file_id}`)).body.status)
    .toBe('completed')
  expect(await results()).toBeGreaterThan(before)
})

test('a file that cannot be attached is refused with the message of the live service', async () => {
  const id = await newStore()
  const path = `/vector_stores/${id}/files`
  const picture = await uploadFile(server, 'a.png', 'x')
  const text = await uploadFile(server, 'a.txt', 'x')
  const strategy = { type: 'static', static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 401 } }
  const overlap = errors.chunkOverlapTooBig('chunking_strategy.static.chunk_overlap_tokens', 400, 401)
  const seventeen = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 1]))
  const cases: [unknown, Parameters<typeof wireError>[0]][] = [
    [{}, errors.missingParameter('file_id')],
    [{ file_id: 'file-none' }, errors.notFound('file', 'file-none')],
    [{ file_id: 'abc' }, errors.invalidId('file_id', 'abc', 'file')],
    [{ file_id: picture }, errors.unsupportedFile(['.png'])],
    [{ file_id: text, chunking_strategy: strategy }, overlap],
    [{ file_id: text, attributes: seventeen }, errors.tooManyProperties('attributes', 16, 17)],
  ]
  for (const [body, error] of cases) expect(await post(path, body)).toMatchObject(wireError(error))
  const nowhere = await post('/vector_stores/vs_none/files', { file_id: 'file-none' })
  expect(nowhere).toMatchObject(wireError(errors.notFound('vector_store', 'vs_none')))
  expect((await get(path)).body.data).toEqual([])
})

test('files are listed by status, and a cursor stays valid when its file changes its status', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const { id, file_ids } = await made()
  const path = `/vector_stores/${id}/files`
  const page = await get(`${path}?order=asc&filter=in_progress&limit=1`)
  expectList('vector_store_file', page.body)
  expect(page.body.data.map((one: any) => one.id)).toEqual([file_ids[0]])
  open()
  server.model.holdEmbeddings(undefined)
  await expect.poll(async () => (await get(`${path}?filter=in_progress`)).body.data).toEqual([])
  const next = await get(`${path}?order=asc&filter=completed&after=${page.body.last_id}`)
  expect(next.body.data.map((one: any) => one.id)).toEqual(file_ids.slice(1))
  const before = await get(`${path}?order=asc&limit=1&before=${file_ids[2]}`)
  expect(before.body.data.map((one: any) => one.id)).toEqual([file_ids[1]])
  expect((await get(`${path}?filter=failed`)).body).toMatchObject({ data: [], first_id: null })
  expect((await get(`${path}?filter=done`)).body.error.code).toBe('invalid_value')

  async function made() {
    const ids: string[] = []
    for (const name of ['a.txt', 'b.txt', 'c.txt'])
      ids.push(await uploadFile(server, name, `text of ${name}`))
    return { id: (await post('/vector_stores', { file_ids: ids })).body.id, file_ids: ids }
  }
})

test('attributes are replaced as a whole', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'hello' })
  const path = `/vector_stores/${id}/files/${file_ids[0]}`
  const changed = await post(path, { attributes: { a: 'x', b: 1.5 } })
  expectObject('vector_store_file', changed.body)
  expect(changed.body.attributes).toEqual({ a: 'x', b: 1.5 })
  expect((await post(path, { attributes: { c: false } })).body.attributes).toEqual({ c: false })
  expect((await post(path, { attributes: null })).body.attributes).toEqual({})
  expect(await post(path, {})).toMatchObject(wireError(errors.missingParameter('attributes')))
  expect(await post(`/vector_stores/${id}/files/file-none`, { attributes: {} })).toMatchObject(
    wireError(errors.fileNotInVectorStore('file-none', id)),
  )
})

test('a file that is removed from its vector store is no longer found by searches, and still exists', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'apples', 'b.txt': 'apples too' })
  const path = `/vector_stores/${id}/files/${file_ids[0]}`
  expect((await post(`/vector_stores/${id}/search`, { query: 'apples' })).body.data).toHaveLength(2)
  expect((await server.request('DELETE', path)).body).toEqual({
    id: file_ids[0],
    object: 'vector_store.file.deleted',
    deleted: true,
  })
  expect((await post(`/vector_stores/${id}/search`, { query: 'apples' })).body.data).toHaveLength(1)
  expect((await get(`/vector_stores/${id}/files`)).body.data).toHaveLength(1)
  const gone = wireError(errors.fileNotInVectorStore(file_ids[0] ?? '', id))
  for (const method of ['GET', 'DELETE']) expect(await server.request(method, path)).toMatchObject(gone)
  expect(await get(`${path}/content`)).toMatchObject(gone)
  expect((await get(`/files/${file_ids[0]}`)).status).toBe(200)
})

test('a deleted file can still be removed from its vector store, once', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'apples', 'b.txt': 'apples too' })
  const other = await storeOf(server, { 'c.txt': 'pears' })
  const [file_id = ''] = file_ids
  await server.request('DELETE', `/files/${file_id}`)
  const path = `/vector_stores/${id}/files/${file_id}`
  expect(await get(path)).toMatchObject(wireError(errors.fileNotInVectorStore(file_id, id)))
  // It was never in the other store.
  expect(await server.request('DELETE', `/vector_stores/${other.id}/files/${file_id}`)).toMatchObject(
    wireError(errors.fileNotInVectorStore(file_id, other.id)),
  )
  const out = await server.request('DELETE', path)
  expect(out).toMatchObject({
    status: 200,
    body: { id: file_id, object: 'vector_store.file.deleted', deleted: true },
  })
  expect(await server.request('DELETE', path)).toMatchObject(
    wireError(errors.fileNotInVectorStore(file_id, id)),
  )
  expect((await get(`/vector_stores/${id}`)).body.file_counts.total).toBe(1)
})

test('the text that was extracted from a file can be read completely', async () => {
  const lines = Array.from({ length: 900 }, (_, index) => `Line ${index} says "nothing" \\ much — ‘é’ 𝒳.`)
  const text = lines.join('\n')
  const id = await newStore()
  const file_id = await uploadFile(server, 'long.txt', text)
  const strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 70 },
  } as const
  await server.openai.vectorStores.files.createAndPoll(id, { file_id, chunking_strategy: strategy })
  const { body } = await get(`/vector_stores/${id}/files/${file_id}/content`)
  expect(body).toEqual({
    object: 'vector_store.file_content.page',
    data: [{ type: 'text', text }],
    has_more: false,
    next_page: null,
  })
  const page = await server.openai.vectorStores.files.content(file_id, { vector_store_id: id })
  expect(page.data[0]?.text).toBe(text)
})

test('a file in progress has no content yet', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const id = await newStore()
  const file_id = await uploadFile(server, 'a.txt', 'hello')
  await post(`/vector_stores/${id}/files`, { file_id })
  expect((await get(`/vector_stores/${id}/files/${file_id}/content`)).body.data).toEqual([])
  open()
  server.model.holdEmbeddings(undefined)
  await server.openai.vectorStores.files.poll(id, file_id)
})

const invalid = (reason: string) => ({
  code: 'invalid_file',
  message: `The file could not be parsed because ${reason}.`,
})

test('a file that cannot be read fails with the reason, and other files are completed', async () => {
  const contents: Record<string, string | Buffer> = {
    'empty.md': ' \n',
    'broken.pdf': 'this is no pdf',
    'broken.docx': 'this is no zip',
    'binary.txt': Buffer.from([1, 0, 2, 0, 0, 255, 7, 0, 9]),
    'good.txt': 'all is well',
  }
  const file_ids: string[] = []
  for (const [name, content] of Object.entries(contents))
    file_ids.push(await uploadFile(server, name, content))
  const id = await newStore()
  const batch = await server.openai.vectorStores.fileBatches.createAndPoll(id, { file_ids })
  expect(batch).toMatchObject({ status: 'completed', file_counts: { completed: 1, failed: 4, total: 5 } })
  const errorsOf = await Promise.all(
    file_ids.map(async (file_id) => (await get(`/vector_stores/${id}/files/${file_id}`)).body.last_error),
  )
  const damaged = invalid('it is damaged or not of the type that its name says')
  const unsupported = { code: 'unsupported_file', message: 'The file type is not supported.' }
  expect(errorsOf).toEqual([invalid('it is empty'), damaged, damaged, unsupported, null])
  const store = await get(`/vector_stores/${id}`)
  expect(store.body).toMatchObject({ status: 'completed', usage_bytes: 11 })
})

test('a failed file is restarted when it is attached again', async () => {
  const id = await newStore()
  const file_id = await uploadFile(server, 'empty.txt', ' ')
  const failed = await server.openai.vectorStores.files.createAndPoll(id, { file_id })
  expect(failed.status).toBe('failed')
  const again = await post(`/vector_stores/${id}/files`, { file_id, attributes: { try: 2 } })
  expect(again.body).toMatchObject({ status: 'in_progress', last_error: null, attributes: { try: 2 } })
  expect(await server.openai.vectorStores.files.poll(id, file_id)).toMatchObject({ status: 'failed' })
})

test('an embedder that is unavailable for a while does not fail a file', async () => {
  server.model.failEmbeddings(503)
  const id = await newStore()
  const file_id = await uploadFile(server, 'a.txt', 'patience is rewarded')
  await post(`/vector_stores/${id}/files`, { file_id })
  await expect.poll(() => server.complaints.length).toBeGreaterThan(0)
  server.model.failEmbeddings(undefined)
  expect(await server.openai.vectorStores.files.poll(id, file_id)).toMatchObject({ status: 'completed' })
  const messages = new Set(server.complaints.splice(0).map(({ message }) => message))
  expect([...messages]).toEqual(['a file is tried again'])
})

test('a file that is deleted or removed during ingest is no longer found', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const id = await newStore()
  const file = await server.openai.files.create({
    file: await toFile(Buffer.from('soon gone'), 'a.txt'),
    purpose: 'user_data',
  })
  const other = await uploadFile(server, 'b.txt', 'soon out')
  await post(`/vector_stores/${id}/files`, { file_id: file.id })
  await post(`/vector_stores/${id}/files`, { file_id: other })
  const held = async () => (await post(`/vector_stores/${id}/search`, { query: 'soon' })).body.data.length
  await expect.poll(held).toBe(2)
  await server.openai.files.delete(file.id)
  await server.openai.vectorStores.files.delete(other, { vector_store_id: id })
  expect(await held()).toBe(0)
  open()
  server.model.holdEmbeddings(undefined)
  const rows = () =>
    server.db.query({
      text: `select 1 from chunk_windows where vector_store_id = $1 union all
             select 1 from vector_store_files where vector_store_id = $1`,
      values: [id],
    })
  // The next file shows that the worker went on.
  const next = await uploadFile(server, 'c.txt', 'here to stay')
  await server.openai.vectorStores.files.createAndPoll(id, { file_id: next })
  await expect.poll(rows).toHaveLength(2)
})
