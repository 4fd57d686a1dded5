import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { pdf } from '../documents/make-files.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { uploadFile } from '../harness/vector-stores.ts'
import { gate } from '../harness/stories.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterEach(() => server.close())

interface StoreFile {
  store_id: string
  file_id: string
}

async function attach(filename: string, content: string | Buffer): Promise<StoreFile> {
  return attachFile(await uploadFile(server, filename, content))
}

/** Attaches the file to a new store. */
async function attachFile(file_id: string): Promise<StoreFile> {
  const { id: store_id } = await server.openai.vectorStores.create({})
  await server.openai.vectorStores.files.create(store_id, { file_id })
  return { store_id, file_id }
}

test('a small file of another store does not wait for two slow ones', async () => {
  // Both slots of the worker are taken by files whose content comes slowly.
  const ids = [
    await uploadFile(server, 'a.txt', 'first'),
    await uploadFile(server, 'b.txt', 'second'),
    await uploadFile(server, 'c.txt', '10 letters'),
  ]
  const { promise: opened, open } = gate()
  const { blobs } = server.retrieval
  const get = blobs.get.bind(blobs)
  let slow = 0
  blobs.get = async (name) => {
    slow += 1
    if (slow <= 2) await opened
    return get(name)
  }
  const heavy = [await attachFile(ids[0] ?? ''), await attachFile(ids[1] ?? '')]
  await expect.poll(() => slow).toBe(2)
  const { store_id, file_id } = await attachFile(ids[2] ?? '')
  expect(await server.openai.vectorStores.files.poll(store_id, file_id)).toMatchObject({
    status: 'completed',
  })
  for (const one of heavy) {
    const file = await server.openai.vectorStores.files.retrieve(one.file_id, {
      vector_store_id: one.store_id,
    })
    expect(file.status).toBe('in_progress')
  }
  open()
  for (const one of heavy) {
    expect(await server.openai.vectorStores.files.poll(one.store_id, one.file_id)).toMatchObject({
      status: 'completed',
    })
  }
})

test('a file that takes long to embed lets another one be read after some seconds', async () => {
  await server.close()
  server = await testServer({ scriptedEmbedder: true, config: { maxIngests: 1 } })
  const first = gate()
  server.model.holdEmbeddings(first.promise)
  const { vectorStores } = server.openai
  const { id } = await vectorStores.create({})
  const large = await uploadFile(server, 'large.txt', 'word '.repeat(10_000))
  const sizes = { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 }
  await vectorStores.files.create(id, {
    file_id: large,
    chunking_strategy: { type: 'static', static: sizes },
  })
  await expect.poll(() => server.model.others.length).toBe(1)
  const small = await uploadFile(server, 'small.txt', 'Ferries leave at noon.')
  await vectorStores.files.create(id, { file_id: small })
  const now = performance.now.bind(performance)
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 6000)
  const second = gate()
  server.model.holdEmbeddings(second.promise)
  first.open()
  const isRead = (file_id: string) =>
    server.logLines.some(({ message, fields }) => message === 'file read' && fields.file_id === file_id)
  await expect.poll(() => isRead(small)).toBe(true)
  expect((await vectorStores.files.retrieve(large, { vector_store_id: id })).status).toBe('in_progress')
  second.open()
  clock.mockRestore()
  for (const file_id of [large, small]) {
    expect((await vectorStores.files.poll(id, file_id)).status).toBe('completed')
  }
})

test('a file that was read in part is completed, and the log and its row say what is missing', async () => {
  const { store_id, file_id } = await attach('a.pdf', Buffer.from(pdf(['One', '', 'Three'])))
  expect(await server.openai.vectorStores.files.poll(store_id, file_id)).toMatchObject({
    status: 'completed',
    last_error: null,
  })
  const warnings = ['1 of 3 pages have no text: 2']
  expect(server.complaints.splice(0)).toMatchObject([
    { message: 'a part of a file was not read', fields: { file_id, vector_store_id: store_id, warnings } },
  ])
  const rows = await server.db.query({ text: 'select warnings from vector_store_files' })
  expect(rows).toEqual([{ warnings }])
})

test('a file in an unknown encoding fails with the reason', async () => {
  const noise = Buffer.from(
    Array.from({ length: 4000 }, (_, at) => 0x80 + ((at * 7919 + ((at * at) % 251) * 31) % 127)),
  )
  const { store_id, file_id } = await attach('a.txt', noise)
  expect(await server.openai.vectorStores.files.poll(store_id, file_id)).toMatchObject({
    status: 'failed',
    last_error: { code: 'invalid_file', message: /encoding is not known/ },
  })
})

test('messages, threads, assistants and stores without files do not wake the worker', async () => {
  const { db } = server.retrieval
  const query = db.query.bind(db)
  let claims = 0
  db.query = (statement) => {
    if (statement.name === 'claim_ingests') claims += 1
    return query(statement)
  }
  const startMs = performance.now()
  const thread = await server.openai.beta.threads.create({ messages: [{ role: 'user', content: 'first' }] })
  for (let count = 0; count < 20; count += 1) {
    await server.openai.beta.threads.messages.create(thread.id, { role: 'user', content: 'word' })
    await server.openai.beta.threads.create({})
    await server.openai.beta.assistants.create({ model: 'm' })
    await server.openai.vectorStores.create({})
  }
  // The worker polls once a second; 81 requests would have woken it 81 times.
  expect(claims).toBeLessThan(2 + (performance.now() - startMs) / 1000)
  const { store_id, file_id } = await attach('a.txt', 'some words')
  await server.openai.vectorStores.files.poll(store_id, file_id)
  expect(claims).toBeGreaterThan(0)
})

test('a file waits as long as the provider of embeddings asks, before it is tried again', async () => {
  server.model.failEmbeddings(429, { 'retry-after': '900' })
  const { store_id, file_id } = await attach('a.txt', 'Ferries leave at noon.')
  const waiting = () =>
    server.db.query<{ status: string }>({
      text: `select status from vector_store_files
             where file_id = $1 and retry_at > clock_timestamp() + interval '10 minutes'`,
      values: [file_id],
    })
  await expect.poll(waiting).toEqual([{ status: 'in_progress' }])
  expect(server.complaints.splice(0).map(({ message }) => message)).toEqual(['a file is tried again'])
  // Until then words find it.
  const { data } = await server.openai.vectorStores.search(store_id, { query: 'ferries' })
  expect(data).toHaveLength(1)
})
