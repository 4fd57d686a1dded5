import { resolve } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { termsVersion } from '../../src/documents/index.ts'
import type { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { claimSegments, segmentChunks } from '../../src/sql/index-segments.ts'
import { testDatabase } from '../harness/database.ts'
import { idleWorker } from '../harness/idle-worker.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { uploadFile } from '../harness/vector-stores.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

/** Adds a file with so many chunks, as an earlier version left it: without segments. */
async function addLargeFile(db: Database, id: string, chunks: number): Promise<void> {
  await db.query({
    text: `with file as (
             insert into vector_store_files (project, vector_store_id, file_id, created_at, status, chunking_strategy,
                                             attributes, chunk_count)
             select project, id, 'file-large' || random(), 1, 'completed', '{"type":"other"}', '{}', $2
             from vector_stores where id = $1 returning seq
           )
           insert into chunks (vector_store_id, store_file, position, text, start_at, end_at, terms)
           select $1, file.seq, p, 'text', 0, 4, '\\x0${termsVersion}656e0102030401' from file, generate_series(0, $2::int - 1) p`,
    values: [id, chunks],
  })
}

async function expectSegments(db: Database): Promise<void> {
  await vi.waitFor(
    async () => {
      const segments = await db.query({
        text: `select s.kind, count(*) as pages from index_segments s join index_pages p on p.segment = s.id
               where s.kind = 'words' group by s.id, s.kind`,
      })
      expect(segments).toEqual([{ kind: 'words', pages: 257 }])
    },
    { timeout: 60_000, interval: 100 },
  )
}

test('a segment of words is made when a store has enough chunks, before any search', async () => {
  server = await testServer({ scriptedEmbedder: true })
  const { id } = await server.openai.vectorStores.create({})
  await addLargeFile(server.db, id, segmentChunks)
  await server.db.query({
    text: 'update vector_stores set new_chunks = $2 where id = $1',
    values: [id, segmentChunks - 1],
  })
  const file_id = await uploadFile(server, 'a.txt', 'one more chunk')
  await server.openai.vectorStores.files.create(id, { file_id })
  await expectSegments(server.db)
})

test('an upgrade has the workers make the segments of large stores', async () => {
  const database = await testDatabase({ from: 'empty' })
  const { db } = database
  const migrations = resolve(import.meta.dirname, '../../src/database/migrations')
  await migrate(db, migrations, 16)
  for (const [id, chunks] of [
    ['vs_large', segmentChunks],
    ['vs_small', segmentChunks - 1],
  ] as const) {
    await db.query({
      text: `insert into vector_stores (id, project, created_at, last_active_at, metadata, embedder, version)
             values ($1, 'default', 1, 1, '{}', 'test', 1)`,
      values: [id],
    })
    await addLargeFile(db, id, chunks)
  }
  await migrate(db, migrations)
  expect(await claimSegments(db, 'worker_1')).toMatchObject({ id: 'vs_large' })
  await database.drop()
})

test('a search of a store whose segments are not made yet tells the model how much is missing', async () => {
  server = await testServer({ scriptedEmbedder: true })
  const { id } = await server.openai.vectorStores.create({})
  server.allowComplaints(/^a search left out chunks/)
  const endBusy = await idleWorker(server.db, 'busy')
  await server.db.query({ text: `update vector_stores set segments_owner = 'busy'` })
  for (const chunks of [3, 2 * segmentChunks]) await addLargeFile(server.db, id, chunks)
  const seen: unknown[] = []
  server.model.script([
    { calls: [{ name: 'file_search', arguments: '{"queries":["pears"]}' }] },
    { text: ['ok'], expect: (body) => seen.push(body.messages.at(-1).content) },
  ])
  const assistant = await server.openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [id] } },
  })
  const run = await server.openai.beta.threads.createAndRunPoll(
    { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  expect(run.status).toBe('completed')
  expect(seen).toEqual([
    'Nothing was found in the files.\n\n32768 passages could not be searched yet, because their index is being made.',
  ])
  await endBusy()
  await expectSegments(server.db)
})
