import { expect, test } from 'vitest'
import { testServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'

test('a store that does not fit into the search memory gives the results of one that does', async () => {
  const server = await testServer({ scriptedEmbedder: true, config: { searchMemoryBytes: 3000 } })
  const lines = Array.from({ length: 60 }, (_, at) => [
    `${at}.txt`,
    `Parcel ${at} lies on shelf ${at % 7} of hall B.`,
  ])
  const files = Object.fromEntries([...lines, ['piano.txt', 'The grand piano lies on shelf 3 of hall B.']])
  const { id } = await storeOf(server, files)
  const roomy = await server.sibling({ searchMemoryBytes: 1 << 26 })
  for (const query of ['where is the grand piano?', 'parcel 17', 'shelf 5']) {
    const resultsOf = async ({ openai }: Pick<typeof server, 'openai'>) => {
      const { data } = await openai.vectorStores.search(id, { query })
      return data.map(({ filename, score }) => [filename, score.toFixed(5)])
    }
    const [small, large] = [await resultsOf(server), await resultsOf(roomy)]
    expect(small).toEqual(large)
    expect(small).toHaveLength(10)
  }
  const [best] = (await server.openai.vectorStores.search(id, { query: 'where is the grand piano?' })).data
  expect(best?.filename).toBe('piano.txt')
  await server.close()
})
