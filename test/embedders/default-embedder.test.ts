/** A provider is added to a server that already has vector stores. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { reindex } from '../../src/cli/reindex.ts'
import type { ModelSettings } from '../../src/models/settings.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(() => server.close())

/** The scripted provider, which now serves embeddings; `default_embedder` is not written. */
function withEmbeddings(): ModelSettings {
  const { scripted } = server.config.models.providers
  if (scripted?.type !== 'openai') throw new Error('the scripted provider has another type')
  const embedders = { words: { dimensions: 64 } }
  return { ...server.config.models, providers: { scripted: { ...scripted, embedders } } }
}

const keepsBuiltin = /use-lite\/512, so it stays their embedder .* words\/64: run npm run reindex/

test('a server without files takes the embedder of the provider', async () => {
  await server.openai.vectorStores.create({})
  const other = await server.sibling({ models: withEmbeddings() })
  expect(other.retrieval.embedder.id).toBe('words/64')
})

test('stores of the built-in embedder are searched as before, until reindex embeds them again', async () => {
  const { id } = await storeOf(server, { 'a.txt': 'Apples grow on trees.' })
  const other = await server.sibling({ models: withEmbeddings() })
  expect(other.retrieval.embedder.id).toBe('use-lite/512')
  const found = await other.openai.vectorStores.search(id, { query: 'apples' })
  expect(found.data[0]?.filename).toBe('a.txt')
  const warned = server.complaints.splice(0)
  expect(warned.map(({ message }) => message)).toEqual([expect.stringMatching(keepsBuiltin)])

  const options = { log: () => undefined, clock: server.clock, print: () => undefined }
  await reindex({ ...server.config, models: withEmbeddings() }, options)
  const later = await server.sibling({ models: withEmbeddings() })
  expect(later.retrieval.embedder.id).toBe('words/64')
  const page = await later.openai.vectorStores.search(id, { query: 'apples' })
  expect(page.data[0]?.filename).toBe('a.txt')
})

test('a written default_embedder is used whatever the stores were made with', async () => {
  await storeOf(server, { 'a.txt': 'Apples grow on trees.' })
  const other = await server.sibling({ models: { ...withEmbeddings(), default_embedder: 'scripted/words' } })
  expect(other.retrieval.embedder.id).toBe('words/64')
})
