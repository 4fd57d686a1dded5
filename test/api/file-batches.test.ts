import { toFile } from 'openai'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectList, expectObject } from '../harness/shapes.ts'
import { uploadFile } from '../harness/vector-stores.ts'
import { gate } from '../harness/stories.ts'

let server: TestServer
let vector_store_id: string
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
  vector_store_id = (await server.openai.vectorStores.create({})).id
})
afterEach(() => server.model.holdEmbeddings(undefined))
afterAll(() => server.close())

const path = () => `/vector_stores/${vector_store_id}/file_batches`
const post = (where: string, body: unknown = {}) => server.request('POST', where, body)
const get = (where: string) => server.request('GET', where)

async function upload(count: number, name = 'file'): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    ids.push(await uploadFile(server, `${name}-${index}.txt`, `This is ${name} number ${index}.`))
  }
  return ids
}

test('a batch starts with all files in progress and ends completed, and its status agrees with its counts', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const file_ids = await upload(3)
  const { status, body, headers } = await post(path(), { file_ids, attributes: { lot: 7 } })
  expect(status).toBe(200)
  expectObject('file_batch', body)
  expect(body).toEqual({
    id: expect.stringMatching(/^vsfb_[0-9a-f]{32}$/),
    object: 'vector_store.file_batch',
    created_at: Math.floor(server.clock.nowMs() / 1000),
    status: 'in_progress',
    vector_store_id,
    file_counts: { in_progress: 3, completed: 0, failed: 0, cancelled: 0, total: 3 },
  })
  expect(Number(headers.get('openai-poll-after-ms'))).toBeGreaterThan(0)
  const listed = await get(`${path()}/${body.id}/files?order=asc`)
  expectList('vector_store_file', listed.body)
  expect(listed.body.data.map((one: any) => one.id)).toEqual(file_ids)
  expect(listed.body.data[0]).toMatchObject({ status: 'in_progress', attributes: { lot: 7 } })
  open()
  server.model.holdEmbeddings(undefined)
  const done = await server.openai.vectorStores.fileBatches.poll(vector_store_id, body.id)
  expect(done).toMatchObject({
    status: 'completed',
    file_counts: { in_progress: 0, completed: 3, failed: 0, cancelled: 0, total: 3 },
  })
  const page = await get(`${path()}/${body.id}/files?filter=completed&limit=2`)
  expect(page.body).toMatchObject({ has_more: true, data: [{ id: file_ids[2] }, { id: file_ids[1] }] })
})

test('files that the SDK uploads become a batch', async () => {
  const files = await Promise.all([1, 2].map((one) => toFile(Buffer.from(`text ${one}`), `sdk-${one}.md`)))
  const batch = await server.openai.vectorStores.fileBatches.uploadAndPoll(vector_store_id, { files })
  expect(batch).toMatchObject({ status: 'completed', file_counts: { completed: 2, total: 2 } })
})

test('each file may have its own settings', async () => {
  const [one, two] = await upload(2, 'own')
  const strategy = { type: 'static', static: { max_chunk_size_tokens: 150, chunk_overlap_tokens: 0 } }
  const { body } = await post(path(), {
    files: [
      { file_id: one, attributes: { n: 1 }, chunking_strategy: strategy },
      { file_id: two, attributes: { n: 2 } },
    ],
  })
  const { data } = (await get(`${path()}/${body.id}/files?order=asc`)).body
  expect(data[0]).toMatchObject({ attributes: { n: 1 }, chunking_strategy: strategy })
  expect(data[1].attributes).toEqual({ n: 2 })
  expect(data[1].chunking_strategy.static.max_chunk_size_tokens).toBe(800)
})

test('settings beside file_ids apply to every file', async () => {
  const file_ids = [await uploadFile(server, 'a.txt', 'one'), await uploadFile(server, 'b.txt', 'two')]
  const settings = {
    attributes: { year: 2024 },
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 300, chunk_overlap_tokens: 0 } },
  }
  const { body } = await server.request('POST', path(), { file_ids, ...settings })
  const files = await server.request('GET', `${path()}/${body.id}/files`)
  expect(files.body.data).toEqual(
    file_ids.toReversed().map((id) => expect.objectContaining({ id, ...settings })),
  )
})

test('a file that is in the store already counts in the batch as it is', async () => {
  const [known = '', fresh = ''] = await upload(2, 'twice')
  await server.openai.vectorStores.files.createAndPoll(vector_store_id, { file_id: known })
  const { body } = await post(path(), { file_ids: [known, fresh, known] })
  expect(body.file_counts.total).toBe(2)
  const done = await server.openai.vectorStores.fileBatches.poll(vector_store_id, body.id)
  expect(done.file_counts).toMatchObject({ completed: 2, total: 2 })
  await server.openai.vectorStores.files.delete(known, { vector_store_id })
  expect((await get(`${path()}/${body.id}`)).body.file_counts).toMatchObject({ completed: 1, total: 1 })
})

test('a batch whose files all cannot be read has failed', async () => {
  const file_ids = [await uploadFile(server, 'void.txt', ' '), await uploadFile(server, 'bad.pdf', 'x')]
  const batch = await server.openai.vectorStores.fileBatches.createAndPoll(vector_store_id, { file_ids })
  expect(batch).toMatchObject({ status: 'failed', file_counts: { failed: 2, total: 2 } })
})

test('a cancel frees the worker at once, although the embedding model does not answer', async () => {
  const before = server.model.others.length
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const { body } = await post(path(), { file_ids: await upload(3, 'hung') })
  // The worker has two slots.
  await expect.poll(() => server.model.others.length).toBe(before + 2)
  await post(`${path()}/${body.id}/cancel`)
  server.model.holdEmbeddings(undefined)
  const [next = ''] = await upload(1, 'free')
  const file = await server.openai.vectorStores.files.createAndPoll(vector_store_id, { file_id: next })
  expect(file.status).toBe('completed')
  open()
})

test('a cancelled batch stops the work on its unfinished files', async () => {
  const [first = '', ...rest] = await upload(4, 'cancel')
  await server.openai.vectorStores.files.createAndPoll(vector_store_id, { file_id: first })
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const { body } = await post(path(), { file_ids: [first, ...rest] })
  const found = async () =>
    (
      await post(`/vector_stores/${vector_store_id}/search`, { query: 'cancel', max_num_results: 50 })
    ).body.data
      .map((one: any) => one.file_id)
      .filter((id: string) => rest.includes(id)).length
  const cancelled = await post(`${path()}/${body.id}/cancel`)
  expectObject('file_batch', cancelled.body)
  expect(cancelled.body).toMatchObject({
    status: 'cancelled',
    file_counts: { in_progress: 0, completed: 1, cancelled: 3, total: 4 },
  })
  open()
  server.model.holdEmbeddings(undefined)
  expect(await found()).toBe(0)
  // What comes next shows that the worker has let go of the cancelled ones.
  const [next = ''] = await upload(1, 'next')
  await server.openai.vectorStores.files.createAndPoll(vector_store_id, { file_id: next })
  expect((await get(`${path()}/${body.id}`)).body).toEqual(cancelled.body)
  expect(await found()).toBe(0)
  const rows = await server.db.query({
    text: `select 1 from chunks c join vector_store_files f on f.seq = c.store_file where f.status = 'cancelled'`,
  })
  expect(rows).toEqual([])
  const [again] = rest
  const file = await server.openai.vectorStores.files.createAndPoll(vector_store_id, { file_id: again ?? '' })
  expect(file.status).toBe('completed')
})

test('the cancellation of an ended batch returns it unchanged', async () => {
  const batch = await server.openai.vectorStores.fileBatches.createAndPoll(vector_store_id, {
    file_ids: await upload(1, 'over'),
  })
  expect(await server.openai.vectorStores.fileBatches.cancel(batch.id, { vector_store_id })).toEqual(batch)
})

test('an invalid batch is refused with the reason', async () => {
  const [file_id = ''] = await upload(1, 'wrong')
  const files = [{ file_id }]
  const strategy = { type: 'auto' }
  const long = Array.from({ length: 2001 }, () => file_id)
  const picture = await uploadFile(server, 'p.png', 'x')
  const cases: [unknown, Parameters<typeof wireError>[0]][] = [
    [{}, errors.missingParameter('file_ids')],
    [{ file_ids: [] }, errors.emptyArray('file_ids')],
    [{ file_ids: long }, errors.arrayTooLong('file_ids', 2000, 2001)],
    [{ file_ids: [file_id], files }, errors.mutuallyExclusive('file_ids', 'files')],
    [{ files, chunking_strategy: strategy }, errors.mutuallyExclusive('files', 'chunking_strategy')],
    [{ files, attributes: {} }, errors.mutuallyExclusive('files', 'attributes')],
    [{ file_ids: [file_id, 'file-none'] }, errors.notFound('file', 'file-none')],
    [{ file_ids: [file_id, picture] }, errors.unsupportedFile(['.png'])],
  ]
  for (const [body, error] of cases) expect(await post(path(), body)).toMatchObject(wireError(error))
  const missing = wireError(errors.notFound('file_batch', 'vsfb_none'))
  expect(await get(`${path()}/vsfb_none`)).toMatchObject(missing)
  expect(await get(`${path()}/vsfb_none/files`)).toMatchObject(missing)
  expect(await post(`${path()}/vsfb_none/cancel`)).toMatchObject(missing)
  expect(await get(`${path()}/abc`)).toMatchObject(wireError(errors.invalidId('batch_id', 'abc', 'vsfb')))
  const elsewhere = await server.openai.vectorStores.create({})
  const batch = await post(path(), { file_ids: [file_id] })
  expect(await get(`/vector_stores/${elsewhere.id}/file_batches/${batch.body.id}`)).toMatchObject(
    wireError(errors.notFound('file_batch', batch.body.id)),
  )
})
