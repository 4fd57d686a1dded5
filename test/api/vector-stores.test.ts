import { afterAll, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { touchVectorStores } from '../../src/sql/vector-stores.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectList, expectObject } from '../harness/shapes.ts'
import { storeOf, uploadFile } from '../harness/vector-stores.ts'
import { gate } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({
    scriptedEmbedder: true,
    config: {
      keys: new Map([
        ['test-key', 'mine'],
        ['other-key', 'theirs'],
      ]),
    },
  })
})
afterAll(() => server.close())

const post = (path: string, body: unknown = {}) => server.request('POST', path, body)
const get = (path: string) => server.request('GET', path)
const now = () => Math.floor(server.clock.nowMs() / 1000)

async function chunksOf(id: string): Promise<number> {
  const [row] = await server.db.query<{ count: number }>({
    text: `select (select count(*) from chunks where vector_store_id = $1)
                + (select count(*) from chunk_windows where vector_store_id = $1) as count`,
    values: [id],
  })
  return row?.count ?? -1
}

test('an empty vector store is completed at once, with the keys of the live service in its order', async () => {
  const { status, body } = await post('/vector_stores')
  expect(status).toBe(200)
  expectObject('vector_store', body)
  expect(body).toEqual({
    id: expect.stringMatching(/^vs_[0-9a-f]{32}$/),
    object: 'vector_store',
    created_at: now(),
    name: null,
    description: null,
    usage_bytes: 0,
    file_counts: { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 },
    status: 'completed',
    expires_after: null,
    expires_at: null,
    last_active_at: now(),
    metadata: {},
  })
  expect((await get(`/vector_stores/${body.id}`)).body).toEqual(body)
})

test('the beta header may be left out', async () => {
  const { status } = await server.request('POST', '/vector_stores', {}, { 'openai-beta': null })
  expect(status).toBe(200)
})

test('a vector store that is created with files counts them as in progress, then as completed, with their bytes', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const ids = [
    await uploadFile(server, 'a.txt', 'twenty-one characters'),
    await uploadFile(server, 'b.md', '# x'),
  ]
  const { body } = await post('/vector_stores', {
    file_ids: ids,
    name: 'n',
    description: 'd',
    metadata: { k: 'v' },
    expires_after: { anchor: 'last_active_at', days: 3 },
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 20 } },
  })
  expect(body).toMatchObject({
    name: 'n',
    description: 'd',
    metadata: { k: 'v' },
    expires_after: { anchor: 'last_active_at', days: 3 },
    expires_at: now() + 3 * 86_400,
    status: 'in_progress',
    usage_bytes: 0,
    file_counts: { in_progress: 2, completed: 0, failed: 0, cancelled: 0, total: 2 },
  })
  const file = await get(`/vector_stores/${body.id}/files/${ids[0]}`)
  expect(file.body.chunking_strategy.static).toEqual({ max_chunk_size_tokens: 100, chunk_overlap_tokens: 20 })
  open()
  server.model.holdEmbeddings(undefined)
  await expect
    .poll(async () => (await get(`/vector_stores/${body.id}`)).body)
    .toMatchObject({
      status: 'completed',
      usage_bytes: 24,
      file_counts: { in_progress: 0, completed: 2, failed: 0, cancelled: 0, total: 2 },
    })
})

test('unknown files and files that cannot be searched are refused, and no vector store is created', async () => {
  const before = (await get('/vector_stores?limit=100')).body.data.length
  const picture = await uploadFile(server, 'a.PNG', 'x')
  const bare = await uploadFile(server, 'Makefile', 'x')
  expect(await post('/vector_stores', { file_ids: ['file-none'] })).toMatchObject(
    wireError(errors.notFound('file', 'file-none')),
  )
  expect(await post('/vector_stores', { file_ids: [picture, bare] })).toMatchObject(
    wireError(errors.unsupportedFile(['.png', 'none'])),
  )
  expect((await get('/vector_stores?limit=100')).body.data).toHaveLength(before)
})

test('a modification changes the named fields, null clears a field, and an expiry counts from the last activity', async () => {
  const { body } = await post('/vector_stores', { name: 'n', description: 'd', metadata: { a: '1' } })
  const path = `/vector_stores/${body.id}`
  server.clock.advance(10)
  expect((await post(path, { expires_after: { anchor: 'last_active_at', days: 1 } })).body).toEqual({
    ...body,
    expires_after: { anchor: 'last_active_at', days: 1 },
    expires_at: body.last_active_at + 86_400,
  })
  const cleared = { name: null, description: null, expires_after: null, metadata: null }
  expect((await post(path, cleared)).body).toEqual({ ...body, name: null, description: null, metadata: {} })
  expect((await post(path, { name: 'm', metadata: { b: '2' } })).body).toMatchObject({
    name: 'm',
    metadata: { b: '2' },
  })
  expect((await post(path)).body).toMatchObject({ name: 'm', metadata: { b: '2' } })
})

test.each([
  [
    { expires_after: { anchor: 'last_active_at', days: 366 } },
    errors.integerTooBig('expires_after.days', 365, 366),
  ],
  [{ expires_after: { anchor: 'last_active_at' } }, errors.missingParameter('expires_after.days')],
  [{ file_ids: ['vs_1'] }, errors.invalidId('file_ids[0]', 'vs_1', 'file')],
  [{ names: 'x' }, errors.unknownParameter('names')],
])('%j is refused', async (request, error) => {
  expect(await post('/vector_stores', request)).toMatchObject(wireError(error))
})

test('stores are listed, newest first, page by page', async () => {
  const ids: string[] = []
  for (let index = 0; index < 3; index += 1) ids.unshift((await post('/vector_stores')).body.id)
  const { body } = await get('/vector_stores?limit=2')
  expectList('vector_store', body)
  expect(body.data.map((one: any) => one.id)).toEqual(ids.slice(0, 2))
  expect(body.has_more).toBe(true)
  const next = await get(`/vector_stores?limit=1&after=${ids[1]}`)
  expect(next.body.data[0].id).toBe(ids[2])
  const before = await get(`/vector_stores?limit=1&order=asc&before=${ids[0]}`)
  expect(before.body.data[0].id).toBe(ids[1])
  expect(await get('/vector_stores?after=vs_none')).toMatchObject(
    wireError(errors.notFound('vector_store', 'vs_none')),
  )
})

test('a deleted vector store disappears with its chunks, and its files are kept', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'one' })
  expect(await chunksOf(id)).toBe(2)
  expect((await server.request('DELETE', `/vector_stores/${id}`)).body).toEqual({
    id,
    object: 'vector_store.deleted',
    deleted: true,
  })
  const missing = wireError(errors.notFound('vector_store', id))
  expect(await get(`/vector_stores/${id}`)).toMatchObject(missing)
  expect(await server.request('DELETE', `/vector_stores/${id}`)).toMatchObject(missing)
  expect(await get(`/vector_stores/${id}/files`)).toMatchObject(missing)
  expect(await post(`/vector_stores/${id}/search`, { query: 'one' })).toMatchObject(missing)
  await expect.poll(() => chunksOf(id)).toBe(0)
  expect((await get(`/files/${file_ids[0]}`)).status).toBe(200)
})

test('a deleted file is removed from its vector stores and is no longer found', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'apples and pears', 'b.txt': 'apples alone' })
  const search = async () => {
    const { body } = await post(`/vector_stores/${id}/search`, { query: 'apples' })
    return body.data.map((one: any) => one.file_id)
  }
  expect((await search()).toSorted()).toEqual(file_ids.toSorted())
  await server.openai.files.delete(file_ids[0] ?? '')
  expect(await search()).toEqual([file_ids[1]])
  expect((await get(`/vector_stores/${id}`)).body.file_counts).toMatchObject({ completed: 1, total: 1 })
  expect(await get(`/vector_stores/${id}/files/${file_ids[0]}`)).toMatchObject(
    wireError(errors.fileNotInVectorStore(file_ids[0] ?? '', id)),
  )
})

test('an expired vector store shows its status, loses its chunks and refuses to be used', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'one', 'b.png.txt': 'two' })
  await post(`/vector_stores/${id}`, { expires_after: { anchor: 'last_active_at', days: 1 } })
  server.clock.advance(86_399)
  expect((await get(`/vector_stores/${id}`)).body.status).toBe('completed')
  server.clock.advance(1)
  const { body } = await get(`/vector_stores/${id}`)
  expect(body).toMatchObject({ status: 'expired', file_counts: { completed: 2, total: 2 } })
  const expired = wireError(errors.vectorStoreExpired(id))
  expect(await post(`/vector_stores/${id}/search`, { query: 'one' })).toMatchObject(expired)
  expect(await post(`/vector_stores/${id}/files`, { file_id: file_ids[0] })).toMatchObject(expired)
  expect(await post(`/vector_stores/${id}/file_batches`, { file_ids })).toMatchObject(expired)
  await expect.poll(() => chunksOf(id)).toBe(0)
  expect((await get(`/vector_stores/${id}`)).body).toMatchObject({
    usage_bytes: 0,
    expires_at: body.expires_at,
  })
  const revived = await post(`/vector_stores/${id}`, { expires_after: null, name: 'late' })
  expect(revived.body).toMatchObject({ status: 'expired', name: 'late' })
})

test('a search postpones the expiry of a vector store, and reading it does not', async () => {
  const { id } = await storeOf(server, { 'a.txt': 'one' })
  await post(`/vector_stores/${id}`, { expires_after: { anchor: 'last_active_at', days: 1 } })
  const begun = (await get(`/vector_stores/${id}`)).body
  server.clock.advance(1000)
  expect((await get(`/vector_stores/${id}`)).body.last_active_at).toBe(begun.last_active_at)
  await post(`/vector_stores/${id}/search`, { query: 'one' })
  expect((await get(`/vector_stores/${id}`)).body).toMatchObject({
    last_active_at: begun.last_active_at + 1000,
    expires_at: begun.expires_at + 1000,
  })
})

test('a vector store of another project is not found by any operation', async () => {
  const { id, file_ids } = await storeOf(server, { 'a.txt': 'one' })
  const [file_id = ''] = file_ids
  const batch = await post(`/vector_stores/${id}/file_batches`, { file_ids })
  const path = `/vector_stores/${id}`
  const calls: [string, string, unknown?][] = [
    ['GET', path],
    ['POST', path, { name: 'stolen' }],
    ['DELETE', path],
    ['POST', `${path}/search`, { query: 'one' }],
    ['GET', `${path}/files`],
    ['POST', `${path}/files`, { file_id }],
    ['GET', `${path}/files/${file_id}`],
    ['POST', `${path}/files/${file_id}`, { attributes: {} }],
    ['DELETE', `${path}/files/${file_id}`],
    ['GET', `${path}/files/${file_id}/content`],
    ['POST', `${path}/file_batches`, { file_ids }],
    ['GET', `${path}/file_batches/${batch.body.id}`],
    ['POST', `${path}/file_batches/${batch.body.id}/cancel`],
    ['GET', `${path}/file_batches/${batch.body.id}/files`],
  ]
  const headers = { authorization: 'Bearer other-key' }
  for (const [method, where, body] of calls) {
    const answer = await server.request(method, where, body, headers)
    expect({ where, ...answer }).toMatchObject(wireError(errors.notFound('vector_store', id)))
  }
  expect((await server.request('GET', '/vector_stores', undefined, headers)).body.data).toEqual([])
  const mine = await post('/vector_stores', {})
  const theirs = await server.request('POST', '/vector_stores', { file_ids }, headers)
  expect(theirs).toMatchObject(wireError(errors.notFound('file', file_id)))
  expect(mine.status).toBe(200)
})

test('a use that is recorded late does not move last_active_at back', async () => {
  const { body } = await post('/vector_stores', { expires_after: { anchor: 'last_active_at', days: 1 } })
  await touchVectorStores(server.db, [body.id], body.last_active_at + 100)
  await touchVectorStores(server.db, [body.id], body.last_active_at + 50)
  expect((await server.request('GET', `/vector_stores/${body.id}`)).body).toMatchObject({
    last_active_at: body.last_active_at + 100,
    expires_at: body.last_active_at + 100 + 86_400,
  })
})
