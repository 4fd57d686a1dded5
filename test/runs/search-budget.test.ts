import { afterAll, beforeAll, expect, test } from 'vitest'
import { countTokens } from '../../src/util/count-tokens.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { uploadFile } from '../harness/vector-stores.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterAll(() => server.close())

/** The largest chunks that a store may have. */
const chunkTokens = 4096

/** Runs of this many words make a chunk of about the largest size. */
const paragraph = (number: number) =>
  Array.from({ length: 3600 }, (_, index) => (index % 9 === 0 ? `lighthouse${number}` : 'lighthouse')).join(
    ' ',
  )

test('a search hands no more than 16,000 tokens of large chunks to the model', async () => {
  const file_id = await uploadFile(server, 'towns.txt', [1, 2, 3, 4, 5, 6, 7].map(paragraph).join('\n\n'))
  const store = await server.openai.vectorStores.create({})
  const chunking_strategy = {
    type: 'static' as const,
    static: { max_chunk_size_tokens: chunkTokens, chunk_overlap_tokens: 0 },
  }
  const poll = { pollIntervalMs: 20 }
  await server.openai.vectorStores.files.createAndPoll(store.id, { file_id, chunking_strategy }, poll)
  const assistant = await server.openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  let output = ''
  server.model.script([
    { calls: [{ name: 'file_search', arguments: '{"queries":["lighthouse"]}' }] },
    { text: 'ok', expect: (body) => void (output = body.messages.at(-1).content) },
  ])
  await server.stream('/threads/runs', {
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Where are lighthouses?' }] },
  })
  const passages = output.match(/【\d+:\d+†towns\.txt】/g) ?? []
  const tokens = await countTokens(output)
  expect(passages.length).toBeGreaterThan(1)
  expect(tokens).toBeLessThanOrEqual(16_000)
  // One more chunk would not have fitted.
  expect(tokens).toBeGreaterThan(16_000 - chunkTokens - 500)
})
