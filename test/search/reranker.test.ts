import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openReranker, type Reranker } from '../../src/models/reranker.ts'
import { ModelSettings } from '../../src/models/settings.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'

interface Asked {
  url: string | undefined
  authorization: string | undefined
  body: any
}

/** A server with `/rerank` that answers `answer`; undefined: it never answers. */
const upstream = {
  asked: [] as Asked[],
  answer: (_body: any): { status?: number; json: unknown } | undefined => undefined,
}
let http: Server
let base_url: string
const closers: (() => void)[] = []
beforeAll(async () => {
  http = createServer((request, response) => {
    let text = ''
    request.on('data', (piece) => (text += piece))
    request.on('end', () => {
      const body = JSON.parse(text)
      upstream.asked.push({ url: request.url, authorization: request.headers.authorization, body })
      const answer = upstream.answer(body)
      if (!answer) return
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer.json))
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  base_url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`
})
afterEach(() => {
  upstream.asked.length = 0
  for (const close of closers.splice(0)) close()
})
afterAll(() => {
  http.closeAllConnections()
  http.close()
})

const never = new AbortController().signal

describe('a reranker', () => {
  function open(more: object): Reranker {
    const settings = ModelSettings.parse({
      providers: { cross: { type: 'rerank', base_url, ...more } },
      models: {},
    })
    const reranker = openReranker(settings, () => {})
    if (!reranker) throw new Error('there is no provider of type rerank')
    closers.push(() => reranker.close())
    return reranker
  }

  test('of Cohere, Jina and vLLM gets documents and answers with relevance scores in any order', async () => {
    upstream.answer = () => ({
      json: {
        results: [
          { index: 1, relevance_score: 0.9 },
          { index: 0, relevance_score: 0.2, document: { text: 'one' } },
        ],
      },
    })
    const reranker = open({ model: 'rerank-v3.5', api_key: 'key' })
    expect(await reranker.rerank('which?', ['one', 'two'], never)).toEqual([0.2, 0.9])
    expect(upstream.asked).toEqual([
      {
        url: '/v1/rerank',
        authorization: 'Bearer key',
        body: { model: 'rerank-v3.5', query: 'which?', documents: ['one', 'two'] },
      },
    ])
  })

  test('of text-embeddings-inference gets texts and answers with a list', async () => {
    upstream.answer = () => ({
      json: [
        { index: 1, score: 0.4 },
        { index: 0, score: 0.3 },
      ],
    })
    expect(await open({}).rerank('which?', ['one', 'two'], never)).toEqual([0.3, 0.4])
    expect(upstream.asked[0]?.body).toEqual({ query: 'which?', texts: ['one', 'two'], truncate: true })
  })

  test('that answers with logits gives scores between 0 and 1 in their order', async () => {
    upstream.answer = () => ({
      json: {
        results: [
          { index: 0, relevance_score: -3.5 },
          { index: 1, relevance_score: 6 },
        ],
      },
    })
    const [low = 0, high = 0] = await open({ model: 'm' }).rerank('which?', ['one', 'two'], never)
    expect(low).toBeCloseTo(0.029, 3)
    expect(high).toBeCloseTo(0.9975, 3)
  })

  test.each([
    ['no results', {}],
    ['a score missing', { results: [{ index: 0, relevance_score: 1 }] }],
    ['a score that is no number', { results: [0, 1].map((index) => ({ index, relevance_score: 'high' })) }],
  ])('whose answer has %s fails', async (_, json) => {
    upstream.answer = () => ({ json })
    await expect(open({ model: 'm' }).rerank('which?', ['one', 'two'], never)).rejects.toThrow('the reranker')
  })

  test('that does not answer in time fails', async () => {
    upstream.answer = () => undefined
    const reranker = open({ model: 'm', timeout_ms: 100 })
    await expect(reranker.rerank('which?', ['one'], never)).rejects.toThrow('timeout')
  })
})

describe('a server with a reranker', () => {
  const texts = {
    'a.txt': 'The pump is checked every Monday.',
    'b.txt': 'The pump is checked every Monday by the workshop, and the pump is oiled.',
    'c.txt': 'On Mondays somebody looks after the machine that moves water.',
  }
  const prefersWater = (body: any) => ({
    json: {
      results: body.documents.map((text: string, index: number) => ({
        index,
        relevance_score: text.includes('water') ? 0.95 : 0.1 + 0.01 * index,
      })),
    },
  })
  let server: TestServer
  let store: string
  beforeAll(async () => {
    server = await testServer({
      models: {
        providers: { demo: { type: 'demo' }, cross: { type: 'rerank', base_url, model: 'm' } },
        models: { '*': 'demo' },
      },
    })
    store = (await storeOf(server, texts)).id
  })
  afterAll(() => server.close())

  async function search(body: object) {
    const { data } = (
      await server.request('POST', `/vector_stores/${store}/search`, {
        query: 'When is the pump checked?',
        ...body,
      })
    ).body
    return data.map((one: any) => [one.filename, one.score])
  }

  test('orders the results by its scores, and the threshold is about them', async () => {
    upstream.answer = prefersWater
    const [first, second] = await search({})
    expect(first).toEqual(['c.txt', 0.95])
    expect(second[1]).toBeLessThan(0.2)
    expect(await search({ ranking_options: { score_threshold: 0.5 } })).toEqual([['c.txt', 0.95]])
    expect(upstream.asked[0]?.body).toMatchObject({ query: 'When is the pump checked?' })
  })

  test('gives a result the score of the query that it fits best', async () => {
    upstream.answer = (body) =>
      body.query === 'water' ? prefersWater(body) : prefersWater({ documents: ['', '', ''] })
    expect((await search({ query: ['pump', 'water'] }))[0]).toEqual(['c.txt', 0.95])
    expect(upstream.asked).toHaveLength(2)
  })

  test('leaves the order alone with the ranker none', async () => {
    upstream.answer = prefersWater
    expect((await search({ ranking_options: { ranker: 'none' } }))[0][0]).not.toBe('c.txt')
    expect(upstream.asked).toEqual([])
  })

  test.each([
    ['fails', () => ({ status: 400, json: { error: { message: 'too long' } } })],
    ['answers nonsense', () => ({ json: { results: 7 } })],
  ])('keeps the order of the search when the reranker %s, and says so', async (_, answer) => {
    upstream.answer = answer
    const results = await search({})
    expect(results).toHaveLength(3)
    expect(results[0][0]).not.toBe('c.txt')
    expect(server.complaints.splice(0)).toMatchObject([
      { message: 'the results could not be reranked; they keep the order of the search' },
    ])
  })

  test('shows in the trace of a run whether passages were reranked', async () => {
    const assistant = await server.openai.beta.assistants.create({
      model: 'demo',
      tools: [{ type: 'file_search' }],
      tool_resources: { file_search: { vector_store_ids: [store] } },
    })
    const scoresOf = async (): Promise<any[]> => {
      const run = await server.openai.beta.threads.createAndRunPoll(
        {
          assistant_id: assistant.id,
          thread: { messages: [{ role: 'user', content: 'search When is the pump checked?' }] },
        },
        { pollIntervalMs: 20 },
      )
      const trace = async () =>
        (await server.request('GET', `/threads/${run.thread_id}/runs/${run.id}/trace`)).body.work.find(
          (one: any) => one.kind === 'tool_call',
        )
      await expect.poll(trace).toMatchObject({ search: { passages: expect.any(Array) } })
      return (await trace()).search.passages.map((one: any) => one.scores)
    }
    upstream.answer = prefersWater
    expect((await scoresOf())[0]).toMatchObject({ rerank: 0.95, words: expect.any(Number) })
    upstream.answer = () => ({ status: 400, json: {} })
    expect(await scoresOf()).toMatchObject([{ rerank: null }, { rerank: null }, { rerank: null }])
    expect(server.complaints.splice(0)).toHaveLength(1)
  })
})
