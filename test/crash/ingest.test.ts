import { toFile } from 'openai'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectPostgres } from '../../src/database/postgres.ts'
import { makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { testDatabase } from '../harness/database.ts'
import { startProcess, type ServerProcess } from '../harness/process.ts'
import { eventually } from '../harness/stories.ts'

let data: DataDir
const running: ServerProcess[] = []

beforeEach(() => {
  data = makeDataDir()
})
afterEach(async () => {
  for (const server of running.splice(0)) await server.end('SIGKILL')
  await data.remove()
})

async function start(environment: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startProcess(data.path, environment)
  running.push(server)
  return server
}

/** Many more chunks than one group of the embedder, so that a kill comes before the last group. */
const story = Array.from(
  { length: 10_000 },
  (_, index) =>
    `In year ${index} the keeper of the lighthouse wrote letter ${index * 7} to the mayor of Port Elm.`,
).join('\n')

async function beginIngest(server: ServerProcess): Promise<{ store: string; file: string }> {
  const store = await server.openai.vectorStores.create({})
  const file = await server.openai.vectorStores.files.upload(
    store.id,
    await toFile(Buffer.from(story), 'story.txt'),
  )
  return { store: store.id, file: file.id }
}

test('a file whose ingest is interrupted by kill -9 is completed after the restart, each chunk once', async () => {
  const database = await testDatabase()
  const environment = { DATABASE_URL: database.url }
  const progress = async () => {
    const [row] = await database.db.query<{ chunks: number; embedded: number; attempt: number }>({
      text: `select (select count(*) from chunks) as chunks, embedded, attempt from vector_store_files`,
    })
    return row ?? { chunks: 0, embedded: 0, attempt: 0 }
  }
  const first = await start(environment)
  const { store, file } = await beginIngest(first)
  // The first kill comes while or just after the chunks are written, the second when some vectors are stored.
  await eventually(async () => (await progress()).chunks > 0)
  await first.end('SIGKILL')
  const second = await start(environment)
  await eventually(async () => (await progress()).embedded > 0)
  const before = await progress()
  await second.end('SIGKILL')
  const third = await start(environment)
  const done = await third.openai.vectorStores.files.poll(store, file)
  expect(done).toMatchObject({ status: 'completed', last_error: null, usage_bytes: story.length })

  const after = await progress()
  expect(after.attempt).toBeGreaterThan(before.attempt)
  const [counts] = await database.db.query<Record<string, number>>({
    text: `select count(*) as chunks, count(distinct position) as positions, max(position) as last,
             (select count(*) from generate_series(0, max(position)) p where not exists (
               select 1 from chunk_windows w where p = any(w.positions))) as lacking
           from chunks`,
  })
  expect(counts).toEqual({
    chunks: after.chunks,
    positions: after.chunks,
    last: after.chunks - 1,
    lacking: 0,
  })
  // No window was embedded twice: each text between two borders of chunks belongs to one group.
  const doubles = await database.db.query({
    text: 'select vector from chunk_windows group by vector having count(*) > 1',
  })
  expect(doubles).toEqual([])
  const page = await third.openai.vectorStores.search(store, { query: 'letter 69307 to the mayor' })
  expect(page.data[0]?.content[0]?.text).toContain('letter 69307 ')
  const content = await third.openai.vectorStores.files.content(file, { vector_store_id: store })
  expect(content.data[0]?.text).toBe(story)
  await third.end('SIGTERM')
  await database.drop()
})

test('another process on the same database continues the ingest of a killed one', async () => {
  const database = await testDatabase()
  const [first, second] = await Promise.all([
    start({ DATABASE_URL: database.url }),
    start({ DATABASE_URL: database.url }),
  ])
  const { store, file } = await beginIngest(first)
  await eventually(async () => {
    const rows = await database.db.query({
      text: `select 1 from vector_store_files where status = 'in_progress' and lease_owner is not null and embedded > 0`,
    })
    return rows.length > 0
  })
  await first.end('SIGKILL')
  const done = await second.openai.vectorStores.files.poll(store, file)
  expect(done).toMatchObject({ status: 'completed', usage_bytes: story.length })
  await second.end('SIGTERM')
  await database.drop()
})

test('with the embedded database the next start continues the ingest, and a stop loses nothing', async () => {
  const first = await start()
  const { store, file } = await beginIngest(first)
  await eventually(async () => {
    const page = await first.openai.vectorStores.search(store, { query: 'lighthouse keeper' })
    return page.data.length > 0
  })
  await first.end('SIGTERM')
  expect(first.output()).not.toContain('"level":"error"')
  const second = await start()
  const done = await second.openai.vectorStores.files.poll(store, file)
  expect(done.status).toBe('completed')
  expect(first.output()).toContain('"msg":"file read"')
  expect(second.output()).toContain('"msg":"file ready"')
})

test('an ingest that a killed server began leaves nothing when the store is deleted', async () => {
  const database = await testDatabase()
  const environment = { DATABASE_URL: database.url }
  const first = await start(environment)
  const { store } = await beginIngest(first)
  const db = connectPostgres({ connectionString: database.url, max: 1, log: () => undefined })
  const left = async () => {
    const rows = await db.query({
      text: `select 1 from chunks union all select 1 from chunk_windows
             union all select 1 from vector_store_files union all select 1 from vector_stores`,
    })
    return rows.length
  }
  await eventually(async () => (await left()) > 2)
  await first.end('SIGKILL')
  const second = await start(environment)
  await second.openai.vectorStores.delete(store)
  await eventually(async () => (await left()) === 0)
  const other = await second.openai.vectorStores.create({})
  const file = await second.openai.vectorStores.files.uploadAndPoll(
    other.id,
    await toFile(Buffer.from('short'), 'short.txt'),
  )
  expect(file.status).toBe('completed')
  // Store, file, chunk and window of the new store.
  expect(await left()).toBe(4)
  await db.close()
  await second.end('SIGTERM')
  await database.drop()
})
