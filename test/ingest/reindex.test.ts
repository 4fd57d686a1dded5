import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import type { ModelSettings } from '../../src/models/settings.ts'
import { beginReindex } from '../../src/ingest/reindex.ts'
import { reindex } from '../../src/cli/reindex.ts'
import { builtMain } from '../harness/built.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { storeOf, uploadFile } from '../harness/vector-stores.ts'
import { gate } from '../harness/stories.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterEach(() => server.close())

const files = { 'a.txt': 'Apples grow on trees.', 'b.txt': 'Cod swims in the sea.' }

/** The same provider, with another model for embeddings. */
function otherModels(): ModelSettings {
  return {
    providers: {
      scripted: {
        type: 'openai',
        base_url: server.model.url,
        api_key: 'upstream-key',
        embedders: { others: { dimensions: 64 } },
      },
    },
    models: { '*': 'scripted' },
    default_embedder: 'scripted/others',
  }
}

test('a vector store of another embedder refuses searches and says what to do, and reindex makes it usable', async () => {
  const { id, file_ids } = await storeOf(server, files)
  const other = await server.sibling({ models: otherModels() })
  const changed = wireError(errors.embedderChanged(id, 'words/64', 'others/64'))
  const search = { query: 'apples' }
  const refused = await other.openai.vectorStores.search(id, search).catch((error: unknown) => error)
  expect(refused).toMatchObject({ status: 400, error: (changed.body as { error: object }).error })
  const attached = other.openai.vectorStores.files.create(id, { file_id: file_ids[0] ?? '' })
  await expect(attached).rejects.toMatchObject({ status: 400 })
  // An empty store has no vectors that could be wrong.
  const empty = await server.openai.vectorStores.create({})
  const file_id = await uploadFile(server, 'c.txt', 'Birds fly south.')
  const late = await other.openai.vectorStores.files.createAndPoll(empty.id, { file_id })
  expect(late.status).toBe('completed')

  const printed: string[] = []
  await reindex(
    { ...server.config, models: otherModels() },
    { log: () => undefined, clock: server.clock, print: (line) => void printed.push(line) },
  )
  expect(printed[0]).toBe('1 vector store is embedded again with others/64.')
  expect(printed.at(-1)).toBe('Done.')
  const store = await other.openai.vectorStores.retrieve(id)
  expect(store).toMatchObject({ status: 'completed', file_counts: { completed: 2, total: 2 } })
  const page = await other.openai.vectorStores.search(id, search)
  expect(page.data[0]?.filename).toBe('a.txt')
  const back = await server.request('POST', `/vector_stores/${id}/search`, search)
  expect(back).toMatchObject(wireError(errors.embedderChanged(id, 'others/64', 'words/64')))
})

test('files that wait for an embedder that is no longer configured stay in progress, and the log says why', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const store = await server.openai.vectorStores.create({})
  const file_id = await uploadFile(server, 'a.txt', 'Apples')
  await server.openai.vectorStores.files.create(store.id, { file_id })
  await expect
    .poll(() => server.db.query({ text: 'select 1 from vector_store_files where chunk_count is not null' }))
    .toHaveLength(1)
  // As if the server had been stopped and its configuration changed.
  await server.db.query({ text: `update vector_stores set embedder = 'gone/8'` })
  await server.db.query({
    text: 'update vector_store_files set lease_owner = null, attempt = attempt + 1',
  })
  server.model.holdEmbeddings(undefined)
  open()
  await expect.poll(() => server.complaints.length).toBe(1)
  expect(server.complaints.splice(0)).toMatchObject([
    { fields: { files: 1, embedder: 'gone/8', current: 'words/64' } },
  ])
  const waiting = await server.openai.vectorStores.files.retrieve(file_id, { vector_store_id: store.id })
  expect(waiting.status).toBe('in_progress')
  expect(await beginReindex(server.retrieval)).toBe(1)
  expect(await server.openai.vectorStores.files.poll(store.id, file_id)).toMatchObject({
    status: 'completed',
  })
})

test('npm run reindex is a command that ends by itself', async () => {
  const { id } = await storeOf(server, files)
  const config = join(server.dataDir, 'reindex.json')
  writeFileSync(config, JSON.stringify(otherModels()))
  const child = spawn(process.execPath, [builtMain, 'reindex'], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: server.databaseUrl,
      SPOOL_DATA_DIR: server.dataDir,
      SPOOL_CONFIG: config,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  child.stdout.on('data', (piece: Buffer) => (printed += piece.toString()))
  child.stderr.on('data', (piece: Buffer) => (printed += piece.toString()))
  const [code] = await once(child, 'exit')
  expect(printed).toContain('1 vector store is embedded again with others/64.')
  expect(printed.trimEnd().endsWith('Done.')).toBe(true)
  expect(code).toBe(0)
  const vectors = await server.db.query<{ bytes: number }>({
    text: 'select octet_length(vector) as bytes from chunk_windows where vector_store_id = $1',
    values: [id],
  })
  expect(vectors).toEqual([{ bytes: 256 }, { bytes: 256 }])
})
