import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalEmbedder } from '../../src/embedders/local/local-embedder.ts'
import { makeDataDir } from '../harness/data-dir.ts'
import { deadlyText, installModel, installRuntime, smallModel } from '../harness/local-model.ts'
import { embedderContract } from './embedder.ts'

const model = smallModel('http://127.0.0.1:1/')
const data = makeDataDir()
let runtime: string
beforeAll(() => {
  installModel(data.path, model)
  runtime = installRuntime(data.path)
})
afterAll(() => data.remove())

const open = (options = { processes: 1, idleMs: 60_000 }) =>
  new LocalEmbedder(model, { dataDir: data.path, runtime }, options)
const never = new AbortController().signal

embedderContract('local', async () => open())

describe('a local embedder', () => {
  test('the same text has the same vector in every process', async () => {
    const embedder = open({ processes: 2, idleMs: 60_000 })
    try {
      const texts = Array.from({ length: 6 }, () => 'Turbines turn wind into power.')
      const [first, ...others] = await embedder.embed(texts, 'passage', never)
      for (const other of others) expect(other).toEqual(first)
      expect(embedder.processes).toBe(2)
    } finally {
      await embedder.close()
    }
  })

  test('a query is embedded before waiting passages', async () => {
    const embedder = open()
    try {
      const order: string[] = []
      const texts = Array.from({ length: 30 }, (_, at) => `passage ${at} `.repeat(30))
      const passages = embedder.embed(texts, 'passage', never).then(() => order.push('passages'))
      const query = embedder.embed(['a query'], 'query', never).then(() => order.push('query'))
      await Promise.all([passages, query])
      expect(order).toEqual(['query', 'passages'])
    } finally {
      await embedder.close()
    }
  })

  test('closing the embedder rejects the calls in progress', async () => {
    const embedder = open()
    const running = embedder.embed(['one', 'two'], 'passage', never).catch((error: unknown) => error)
    await embedder.close()
    expect(await running).toMatchObject({ code: 'server_error' })
    await expect(embedder.embed(['three'], 'query', never)).rejects.toMatchObject({ code: 'server_error' })
  })

  test('idle processes end, and are started again when texts arrive', async () => {
    const embedder = open({ processes: 1, idleMs: 1 })
    try {
      const [first] = await embedder.embed(['sleep'], 'query', never)
      await expect.poll(() => embedder.processes).toBe(0)
      expect((await embedder.embed(['sleep'], 'query', never))[0]).toEqual(first)
    } finally {
      await embedder.close()
    }
  })

  test('a text that ends the process fails, and the next one is embedded', async () => {
    const embedder = open()
    try {
      const failure = embedder.embed([deadlyText], 'passage', never)
      await expect(failure).rejects.toMatchObject({ code: 'server_error' })
      expect(await embedder.embed(['snow'], 'passage', never)).toHaveLength(1)
    } finally {
      await embedder.close()
    }
  })

  test('a model that cannot be loaded fails each text with the reason', async () => {
    const parts = { dataDir: data.path, runtime }
    const embedder = new LocalEmbedder({ ...model, name: 'other' }, parts, { processes: 1, idleMs: 60_000 })
    try {
      const failure = await embedder.embed(['snow'], 'passage', never).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'server_error', cause: expect.stringContaining('no model') })
    } finally {
      await embedder.close()
    }
  })

  test('queries and passages get the prefixes of the model', async () => {
    const prefixes = { query: 'money ', passage: 'snow ' }
    const parts = { dataDir: data.path, runtime }
    const embedder = new LocalEmbedder({ ...model, prefixes }, parts, { processes: 1, idleMs: 60_000 })
    const plain = open()
    try {
      const [query] = await embedder.embed(['back'], 'query', never)
      expect([query]).toEqual(await plain.embed(['money back'], 'query', never))
      const [passage] = await embedder.embed(['back'], 'passage', never)
      expect([passage]).toEqual(await plain.embed(['snow back'], 'passage', never))
    } finally {
      await embedder.close()
      await plain.close()
    }
  })
})
