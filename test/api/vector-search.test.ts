import { toFile } from 'openai'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { VectorStoreSearchPage } from '../../src/api/vector-stores.ts'
import { searchStores } from '../../src/search/search.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectWire } from '../harness/shapes.ts'
import { repeatChunk, storeOf, uploadFile } from '../harness/vector-stores.ts'
import { gate } from '../harness/stories.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true })
})
afterEach(() => server.model.holdEmbeddings(undefined))
afterAll(() => server.close())

async function search(id: string, body: object) {
  return server.request('POST', `/vector_stores/${id}/search`, body)
}

async function namesOf(id: string, body: object): Promise<string[]> {
  const answer = await search(id, body)
  expect(answer).toMatchObject({ status: 200 })
  return answer.body.data.map((one: any) => one.filename)
}

const places = {
  'ferry.txt': 'The night ferry leaves from pier seven at ten.',
  'museum.txt': 'The museum of clocks opens at nine and closes at five.',
  'garden.txt': 'Roses, tulips and an old oak grow in the garden of the bishop.',
}

test('the best results come first, in the format of the live service', async () => {
  const { id, file_ids } = await storeOf(server, places)
  const { body } = await search(id, { query: 'When does the museum of clocks open?', max_num_results: 2 })
  expectWire(VectorStoreSearchPage, body)
  expect(body).toMatchObject({
    object: 'vector_store.search_results.page',
    search_query: ['When does the museum of clocks open?'],
    has_more: false,
    next_page: null,
  })
  expect(body.data).toHaveLength(2)
  expect(body.data[0]).toEqual({
    file_id: file_ids[1],
    filename: 'museum.txt',
    score: expect.any(Number),
    attributes: {},
    content: [{ type: 'text', text: places['museum.txt'] }],
  })
  const [first, second] = body.data.map((one: any) => one.score)
  expect(first).toBeGreaterThan(second)
  expect(first).toBeLessThanOrEqual(1)
  expect(second).toBeGreaterThanOrEqual(0)
})

test('results below the threshold are left out', async () => {
  const { id } = await storeOf(server, places)
  const query = 'The night ferry leaves from pier seven at ten.'
  expect(await namesOf(id, { query, ranking_options: { score_threshold: 0.6 } })).toEqual(['ferry.txt'])
  expect(await namesOf(id, { query, ranking_options: { score_threshold: 0 } })).toHaveLength(3)
})

test('each of several queries finds its results', async () => {
  const { id } = await storeOf(server, places)
  const query = ['the night ferry leaves', 'roses and tulips grow']
  const names = await namesOf(id, { query, max_num_results: 2 })
  expect(names.toSorted()).toEqual(['ferry.txt', 'garden.txt'])
  expect((await search(id, { query })).body.search_query).toEqual(query)
})

test('a query can be rewritten, and the answer shows the new query', async () => {
  const { id } = await storeOf(server, places)
  const query = 'Could you please tell me where the ferry leaves?'
  const { body } = await search(id, { query, rewrite_query: true })
  expect(body.search_query).toEqual(['where the ferry leaves'])
  expect(body.data[0].filename).toBe('ferry.txt')
})

test('filters compare the attributes of files and can be nested', async () => {
  const store = await server.openai.vectorStores.create({})
  const attributes = [{ year: 2020, kind: 'a' }, { year: 2022, kind: 'b' }, { year: 2024 }, {}]
  const files = await Promise.all(
    attributes.map(async (one, index) => ({
      file_id: await uploadFile(server, `${index}.txt`, `report number ${index}`),
      attributes: one as Record<string, string | number>,
    })),
  )
  await server.openai.vectorStores.fileBatches.createAndPoll(store.id, {
    files,
    file_ids: undefined as never,
  })
  const found = async (filters: object) =>
    (await namesOf(store.id, { query: 'report', filters }))
      .map((name) => Number(name[0]))
      .toSorted((a, b) => a - b)
  const is = (type: string, key: string, value: unknown) => ({ type, key, value })
  expect(await found(is('eq', 'year', 2020))).toEqual([0])
  expect(await found(is('eq', 'year', '2020'))).toEqual([])
  expect(await found(is('ne', 'kind', 'a'))).toEqual([1, 2, 3])
  expect(await found(is('gt', 'year', 2020))).toEqual([1, 2])
  expect(await found(is('lte', 'year', 2022))).toEqual([0, 1])
  expect(await found(is('in', 'kind', ['a', 'b']))).toEqual([0, 1])
  expect(await found(is('nin', 'kind', ['a']))).toEqual([1, 2, 3])
  const nested = {
    type: 'and',
    filters: [
      is('gte', 'year', 2020),
      { type: 'or', filters: [is('eq', 'kind', 'b'), is('eq', 'year', 2024)] },
    ],
  }
  expect(await found(nested)).toEqual([1, 2])
  await server.openai.vectorStores.files.update(files[3]?.file_id ?? '', {
    vector_store_id: store.id,
    attributes: { kind: 'b', year: 2021 },
  })
  expect(await found(nested)).toEqual([1, 2, 3])
  const empty = await search(store.id, { query: 'report', filters: { type: 'and', filters: [] } })
  expect(empty).toMatchObject(wireError(errors.emptyArray('filters.filters')))
})

test.each([
  [{}, errors.missingParameter('query')],
  [{ query: '' }, errors.emptyString('query')],
  [{ query: [] }, errors.emptyArray('query')],
  [{ query: 'x', max_num_results: 51 }, errors.integerTooBig('max_num_results', 50, 51)],
  [{ query: 'x', max_num_results: 0 }, errors.integerTooSmall('max_num_results', 1, 0)],
  [
    { query: 'x', ranking_options: { score_threshold: 2 } },
    errors.decimalTooBig('ranking_options.score_threshold', 1, 2),
  ],
  [{ query: 'x', top_k: 3 }, errors.unknownParameter('top_k')],
])('%j is refused', async (body, error) => {
  const { id } = await server.openai.vectorStores.create({})
  expect(await search(id, body)).toMatchObject(wireError(error))
})

test('an empty store finds nothing', async () => {
  const { id } = await server.openai.vectorStores.create({})
  expect(await namesOf(id, { query: 'anything' })).toEqual([])
})

test('a file is found by words before it has vectors', async () => {
  const { promise: opened, open } = gate()
  server.model.holdEmbeddings(opened)
  const store = await server.openai.vectorStores.create({})
  const file_id = await uploadFile(server, 'id.txt', 'The code of the fault is ERR_4042.')
  await server.openai.vectorStores.files.create(store.id, { file_id })
  await expect.poll(() => namesOf(store.id, { query: 'err_4042' })).toEqual(['id.txt'])
  expect(await namesOf(store.id, { query: 'unrelated' })).toEqual([])
  open()
  server.model.holdEmbeddings(undefined)
  await server.openai.vectorStores.files.poll(store.id, file_id)
  expect(await namesOf(store.id, { query: 'err_4042' })).toEqual(['id.txt'])
})

test('overlapping passages are returned once, or all of them with ranker none', async () => {
  const sentences = Array.from(
    { length: 60 },
    (_, index) => `Sentence ${index} speaks of the lighthouse keeper.`,
  )
  const store = await server.openai.vectorStores.create({})
  const strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 50 },
  } as const
  await server.openai.vectorStores.files.createAndPoll(store.id, {
    file_id: await uploadFile(server, 'long.txt', sentences.join(' ')),
    chunking_strategy: strategy,
  })
  const count = async (ranker: string) =>
    (
      await namesOf(store.id, {
        query: 'lighthouse keeper',
        max_num_results: 50,
        ranking_options: { ranker },
      })
    ).length
  expect(await count('auto')).toBeLessThan(await count('none'))
  expect(await count('default-2024-11-15')).toBe(await count('auto'))
})

test('when queries cannot be embedded, the search uses words only and writes to the log', async () => {
  const { id } = await storeOf(server, places)
  server.model.failEmbeddings(400)
  expect(await namesOf(id, { query: 'tulips' })).toEqual(['garden.txt'])
  server.model.failEmbeddings(undefined)
  expect(server.complaints.splice(0)).toMatchObject([
    { message: 'a query could not be embedded; the search compares words only' },
  ])
})

test('a search of a large vector store finds the right passage among hundreds, by words and by vectors', async () => {
  const files: Record<string, string> = {}
  const lines = Array.from(
    { length: 400 },
    (_, index) => `Parcel ${index} lies on shelf ${index % 7} of hall B.`,
  )
  files['hay.txt'] = lines.join('\n\n')
  files['needle.txt'] = 'The grand piano lies on shelf 3 of hall B.'
  const store = await server.openai.vectorStores.create({})
  const strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 },
  } as const
  for (const [name, text] of Object.entries(files)) {
    const file_id = await uploadFile(server, name, text)
    await server.openai.vectorStores.files.createAndPoll(store.id, { file_id, chunking_strategy: strategy })
  }
  expect((await namesOf(store.id, { query: 'grand piano' }))[0]).toBe('needle.txt')
})

test('a header says how many chunks were left out while the index of a large vector store is being made', async () => {
  const { id, file_ids } = await storeOf(server, places)
  await repeatChunk(server.db, file_ids[0]!, 33_000)
  const early = await search(id, { query: 'tulips ferry' })
  expect(early.headers.get('spool-chunks-left-out')).toBe('33000')
  expect(early.body.data.map((one: any) => one.filename)).not.toContain('ferry.txt')
  expect(server.complaints.splice(0)).toMatchObject([
    { message: 'a search left out chunks whose index is being made', fields: { chunks: 33_000 } },
  ])
  const names = async () => {
    const later = await search(id, { query: 'tulips ferry' })
    server.complaints.splice(0)
    return later.headers.has('spool-chunks-left-out') ? [] : later.body.data.map((one: any) => one.filename)
  }
  await expect.poll(names, { timeout: 60_000 }).toContain('ferry.txt')
})

test('a search over several vector stores returns a file once, best first, and ignores deleted stores', async () => {
  const one = await storeOf(server, places)
  const two = await server.openai.vectorStores.create({})
  const more = await uploadFile(server, 'more.txt', 'The ferry to the island leaves from pier seven.')
  const file_ids = [...one.file_ids, more]
  await server.openai.vectorStores.fileBatches.createAndPoll(two.id, { file_ids })
  const { results } = await searchStores(
    server.retrieval,
    {
      project: 'default',
      vector_store_ids: [one.id, 'vs_gone', two.id],
      queries: ['ferry pier seven'],
      max_num_results: 10,
      score_threshold: 0,
      ranker: 'auto',
    },
    new AbortController().signal,
  )
  expect(results.map((result) => result.file_id).toSorted()).toEqual(file_ids.toSorted())
  expect(
    results
      .slice(0, 2)
      .map((result) => result.filename)
      .toSorted(),
  ).toEqual(['ferry.txt', 'more.txt'])
  expect(results.map((result) => result.score)).toEqual(
    results.map((result) => result.score).toSorted((a, b) => b - a),
  )
})

test('the built-in embedder finds a text file by meaning', async () => {
  const plain = await testServer()
  const store = await plain.openai.vectorStores.create({ name: 'ferries' })
  for (const text of ['The boat sails at ten in the evening.', 'Tax returns are due in May.']) {
    await plain.openai.vectorStores.files.uploadAndPoll(store.id, await toFile(Buffer.from(text), 'a.txt'))
  }
  const page = await plain.openai.vectorStores.search(store.id, {
    query: 'When does the ship depart at night?',
  })
  expect(page.data[0]?.content[0]?.text).toBe('The boat sails at ten in the evening.')
  await plain.close()
})
