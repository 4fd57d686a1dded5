/** Which embedder a server takes when embedders come and go. */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { reindex } from '../../src/cli/reindex.ts'
import type { ModelSettings } from '../../src/models/settings.ts'
import { installModel, installRuntime } from '../harness/local-model.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(() => server.close())

const builtIn = 'minilm-words/128'
const local = { name: 'all-minilm-l6-v2', id: 'all-minilm-l6-v2/384' }

/** The scripted provider, which now serves embeddings; `default_embedder` is not written. */
function withEmbeddings(): ModelSettings {
  const { scripted } = server.config.models.providers
  if (scripted?.type !== 'openai') throw new Error('the scripted provider has another type')
  const embedders = { words: { dimensions: 64 } }
  return { ...server.config.models, providers: { scripted: { ...scripted, embedders } } }
}

const warnings = () => server.complaints.splice(0).map(({ message }) => message)

test('a server without files takes the embedder of the provider', async () => {
  await server.openai.vectorStores.create({})
  const other = await server.sibling({ models: withEmbeddings() })
  expect(other.retrieval.embedder.id).toBe('words/64')
})

test('a server without files takes the local model that was pulled', async () => {
  installModel(server.dataDir, local)
  expect((await server.sibling()).retrieval.embedder.id).toBe(builtIn)
  installRuntime(server.dataDir)
  expect((await server.sibling()).retrieval.embedder.id).toBe(local.id)
  expect((await server.sibling({ models: withEmbeddings() })).retrieval.embedder.id).toBe('words/64')
})

test('stores of the built-in embedder are searched as before, until reindex embeds them again', async () => {
  const { id } = await storeOf(server, { 'a.txt': 'Apples grow on trees.' })
  const other = await server.sibling({ models: withEmbeddings() })
  expect(other.retrieval.embedder.id).toBe(builtIn)
  const found = await other.openai.vectorStores.search(id, { query: 'apples' })
  expect(found.data[0]?.filename).toBe('a.txt')
  const keepsBuiltIn = /minilm-words\/128, so it stays their embedder .* words\/64 .*: run npm run reindex/
  expect(warnings()).toEqual([expect.stringMatching(keepsBuiltIn)])

  const options = { log: () => undefined, clock: server.clock, print: () => undefined }
  await reindex({ ...server.config, models: withEmbeddings() }, options)
  const later = await server.sibling({ models: withEmbeddings() })
  expect(later.retrieval.embedder.id).toBe('words/64')
  const page = await later.openai.vectorStores.search(id, { query: 'apples' })
  expect(page.data[0]?.filename).toBe('a.txt')
})

test('a configured default_embedder is used for stores of any embedder', async () => {
  await storeOf(server, { 'a.txt': 'Apples grow on trees.' })
  const other = await server.sibling({ models: { ...withEmbeddings(), default_embedder: 'scripted/words' } })
  expect(other.retrieval.embedder.id).toBe('words/64')
})

test.for(['first', 'second'])(
  'a store of an earlier version is found by words at once and by meaning soon, at the %s start',
  async (start) => {
    const { id, file_ids } = await storeOf(server, { 'a.txt': 'Physicians write prescriptions.' })
    await server.db.query({
      text: `update vector_stores set embedder = 'use-lite/512' where id = $1`,
      values: [id],
    })
    if (start === 'second') await server.sibling({ roles: new Set(['api']) })
    const other = await server.sibling(start === 'second' ? { models: withEmbeddings() } : {})
    expect(other.retrieval.embedder.id).toBe(builtIn)
    const byWords = await other.openai.vectorStores.search(id, { query: 'prescriptions' })
    expect(byWords.data[0]?.filename).toBe('a.txt')
    await other.openai.vectorStores.files.poll(id, file_ids[0] ?? '')
    const byMeaning = await other.openai.vectorStores.search(id, { query: 'a doctor ordering medicine' })
    expect(byMeaning.data[0]?.filename).toBe('a.txt')
    warnings()
  },
)

test('with downloads allowed, a start fetches the weights of the local model when it can use them', async () => {
  const config = { downloads: true, modelSource: join(server.dataDir, 'mirror') }
  await server.sibling(config)
  expect(warnings()).toEqual([
    expect.stringMatching(/are not fetched: .*npm install --ignore-scripts onnxruntime-node@/),
  ])
  installRuntime(server.dataDir)
  const other = await server.sibling(config)
  expect(other.retrieval.embedder.id).toBe(builtIn)
  expect(warnings()).toEqual(['the weights of a local embedder could not be fetched'])

  const written = { ...server.config.models, default_embedder: local.name }
  await expect(server.sibling({ ...config, models: written })).rejects.toThrow(
    `has no weights in ${server.dataDir}: spool models pull ${local.name}`,
  )
  expect(warnings()).toEqual(['the weights of a local embedder could not be fetched'])
})

test('a server with stores of the built-in embedder fetches nothing', async () => {
  installRuntime(server.dataDir)
  await storeOf(server, { 'a.txt': 'Apples grow on trees.' })
  const config = { downloads: true, modelSource: join(server.dataDir, 'mirror') }
  expect((await server.sibling(config)).retrieval.embedder.id).toBe(builtIn)
})
