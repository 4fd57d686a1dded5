import { afterEach, beforeEach, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, gate } from '../harness/stories.ts'
import { uploadFile } from '../harness/vector-stores.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterEach(() => server.close())

interface Row {
  attempt: number
  at_work: boolean
  status: string
  takeovers: number
}

async function rowOf(file_id: string): Promise<Row> {
  const [row] = await server.db.query<Row>({
    text: `select attempt, chunk_count is not null and lease_owner is not null and is_at_work as at_work, status,
             takeovers
           from vector_store_files where file_id = $1`,
    values: [file_id],
  })
  if (!row) throw new Error(`expected a row for ${file_id}`)
  return row
}

/** As if the owner of the file had ended, and every pause had passed. */
async function loseWorker(file_id: string, isAtWork = true): Promise<void> {
  await server.db.query({
    text: `update vector_store_files set lease_owner = 'worker_dead', is_at_work = $2 where file_id = $1`,
    values: [file_id, isAtWork],
  })
  await eventually(async () => (await leaseOf(file_id)) !== 'worker_dead', 'the recovery')
  await server.db.query({
    text: 'update vector_store_files set retry_at = null where file_id = $1',
    values: [file_id],
  })
}

async function leaseOf(file_id: string): Promise<string | null> {
  const [row] = await server.db.query<{ lease_owner: string | null }>({
    text: 'select lease_owner from vector_store_files where file_id = $1',
    values: [file_id],
  })
  return row?.lease_owner ?? null
}

async function attach(filename: string, store_id?: string): Promise<{ file_id: string; store_id: string }> {
  const file_id = await uploadFile(server, filename, `some words of ${filename}`)
  const store = store_id ?? (await server.openai.vectorStores.create({})).id
  await server.openai.vectorStores.files.create(store, { file_id })
  return { file_id, store_id: store }
}

function isAtWork(file_id: string, after: number): () => Promise<boolean> {
  return async () => {
    const row = await rowOf(file_id)
    return row.at_work && row.attempt > after
  }
}

test('a file fails when five processes ended while they worked on it', async () => {
  server.model.holdEmbeddings(new Promise(() => {}))
  const { file_id, store_id } = await attach('a.txt')
  let attempt = 0
  for (let losses = 1; losses <= 5; losses += 1) {
    await eventually(isAtWork(file_id, attempt), 'the next attempt')
    ;({ attempt } = await rowOf(file_id))
    await loseWorker(file_id)
  }
  await eventually(async () => (await rowOf(file_id)).status !== 'in_progress', 'the end')
  const file = await server.openai.vectorStores.files.retrieve(file_id, { vector_store_id: store_id })
  expect(file).toMatchObject({ status: 'failed', last_error: { code: 'server_error' } })
  expect(server.complaints.splice(0).at(-1)).toMatchObject({ message: 'file failed' })
})

test('a file is completed when its processes ended before they worked on it', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const { file_id, store_id } = await attach('a.txt')
  let attempt = 0
  for (let losses = 1; losses <= 5; losses += 1) {
    await eventually(isAtWork(file_id, attempt), 'the next attempt')
    ;({ attempt } = await rowOf(file_id))
    await loseWorker(file_id, false)
    expect((await rowOf(file_id)).takeovers).toBe(0)
  }
  open()
  expect(await server.openai.vectorStores.files.poll(store_id, file_id)).toMatchObject({
    status: 'completed',
  })
})

test('a file waits from the second process on that ended while it worked on it, longer each time', async () => {
  server.model.holdEmbeddings(new Promise(() => {}))
  const { file_id } = await attach('a.txt')
  const pauses: number[] = []
  for (let losses = 1; losses <= 4; losses += 1) {
    await eventually(async () => (await rowOf(file_id)).at_work, 'the next attempt')
    await server.db.query({
      text: `update vector_store_files set lease_owner = 'worker_dead' where file_id = $1`,
      values: [file_id],
    })
    await eventually(async () => (await rowOf(file_id)).takeovers === losses, 'the recovery')
    const [row] = await server.db.query<{ pause: number }>({
      text: `with waiting as (select retry_at from vector_store_files where file_id = $1)
             update vector_store_files set retry_at = null from waiting where file_id = $1
             returning coalesce(extract(epoch from waiting.retry_at - clock_timestamp()), 0)::float8 as pause`,
      values: [file_id],
    })
    pauses.push(Math.ceil(row?.pause ?? -1))
  }
  expect(pauses[0]).toBe(0)
  expect(pauses[1]).toBeGreaterThan(0)
  expect(pauses[2]).toBeGreaterThan(16)
  expect(pauses[3]).toBeGreaterThan(16)
})

test('files that a process worked on when it ended are processed one at a time', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const files = [await attach('a.txt'), await attach('b.txt')]
  const ids = files.map(({ file_id }) => file_id)
  for (const id of ids) await eventually(isAtWork(id, 0), 'the first attempt')
  await server.db.query({ text: `update vector_store_files set lease_owner = 'worker_dead'` })
  const working = async () => {
    const rows = await Promise.all(ids.map(rowOf))
    return rows.filter((row) => row.at_work && row.takeovers > 0).length
  }
  await eventually(async () => (await working()) === 1, 'the next attempt')
  // A file that waits does not delay another file.
  const other = await attach('c.txt')
  const wasBegun = async () => {
    const { at_work, takeovers } = await rowOf(other.file_id)
    // On a busy machine the lease of the test's own worker may expire: then this file waits as well.
    return at_work || takeovers > 0
  }
  await eventually(wasBegun, 'the other file')
  expect(await working()).toBeLessThanOrEqual(1)
  open()
  for (const { file_id, store_id } of [...files, other]) {
    const done = await server.openai.vectorStores.files.poll(store_id, file_id)
    expect(done.status).toBe('completed')
  }
})

test('a file that its worker owns in the database and does not know is released and completed', async () => {
  const { file_id } = await attach('forgotten.txt')
  await eventually(async () => (await rowOf(file_id)).status === 'completed', 'the first ingest')
  await server.db.query({
    text: `with vectors as (delete from chunk_windows)
           update vector_store_files set status = 'in_progress', embedded = 0, attempt = attempt + 1,
             lease_owner = (select id from workers limit 1)
           where file_id = $1`,
    values: [file_id],
  })
  await eventually(async () => (await rowOf(file_id)).status === 'completed', 'the second ingest')
  expect(await leaseOf(file_id)).toBeNull()
})
