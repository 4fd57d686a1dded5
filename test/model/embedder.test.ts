/** The local embedder with real weights of all-MiniLM-L6-v2 and the real onnxruntime-node. */
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { localModels } from '../../src/embedders/local/catalog.ts'
import { LocalEmbedder } from '../../src/embedders/local/local-embedder.ts'
import { cosine, embedderContract } from '../contracts/embedder.ts'
import { makeDataDir } from '../harness/data-dir.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'

const [model] = localModels
if (!model) throw new Error('there is no local model')
const data = makeDataDir()
const never = new AbortController().signal

/** Puts the weights and the runtime where `models pull` and `npm install --prefix` put them. */
function install(dataDir: string): string {
  const { SPOOL_TEST_ONNX, SPOOL_TEST_MINILM, SPOOL_TEST_MINILM_TOKENIZER } = process.env
  if (!SPOOL_TEST_ONNX || !SPOOL_TEST_MINILM || !SPOOL_TEST_MINILM_TOKENIZER)
    throw new Error('Run these tests with: npm run test:model')
  const folder = join(dataDir, 'models', 'all-minilm-l6-v2')
  mkdirSync(folder, { recursive: true })
  copyFileSync(SPOOL_TEST_MINILM, join(folder, 'model.onnx'))
  copyFileSync(SPOOL_TEST_MINILM_TOKENIZER, join(folder, 'tokenizer.json'))
  symlinkSync(join(SPOOL_TEST_ONNX, 'node_modules'), join(dataDir, 'node_modules'))
  return createRequire(join(dataDir, 'models', 'x')).resolve('onnxruntime-node')
}

let runtime: string
beforeAll(() => {
  runtime = install(data.path)
})
afterAll(() => data.remove())

const open = () => new LocalEmbedder(model, { dataDir: data.path, runtime }, { processes: 1, idleMs: 60_000 })

embedderContract('with real weights', async () => open())

describe('real weights', () => {
  test('have the vectors that the model is known for', async () => {
    const embedder = open()
    try {
      const [one, paraphrase, other] = await embedder.embed(
        ['A man is eating food.', 'Somebody is having a meal.', 'The orchestra tuned its violins.'],
        'passage',
        never,
      )
      expect(cosine(one, paraphrase)).toBeGreaterThan(0.5)
      expect(cosine(one, other)).toBeLessThan(0.3)
      // The first numbers of this sentence by sentence-transformers; int8 weights differ a little.
      const [known] = await embedder.embed(['This is an example sentence'], 'passage', never)
      expect(known?.[0]).toBeCloseTo(0.0677, 1)
      expect(known?.[1]).toBeCloseTo(0.0635, 1)
      expect(known?.[2]).toBeCloseTo(0.0487, 1)
    } finally {
      await embedder.close()
    }
  })
})

describe('a server with a local model', () => {
  let server: TestServer
  afterAll(() => server.close())

  test('takes it by itself, and finds a passage that says the same in other words', async () => {
    server = await testServer()
    install(server.dataDir)
    const other = await server.sibling()
    expect(other.retrieval.embedder.id).toBe('all-minilm-l6-v2/384')
    const { id } = await storeOf(other, {
      'money.txt': 'Customers receive a refund within two weeks.',
      'snow.txt': 'Heavy snow is expected in the mountains.',
    })
    const { data: found } = await other.openai.vectorStores.search(id, { query: 'getting cash returned' })
    expect(found[0]?.filename).toBe('money.txt')
  })
})
