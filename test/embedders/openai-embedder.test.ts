import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openEmbedder } from '../../src/embedders/open.ts'
import { openOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts'
import { ModelFailure, type Embedder } from '../../src/embedders/port.ts'
import { openModels, type Models } from '../../src/models/open.ts'
import { ModelSettings } from '../../src/models/settings.ts'
import { neverAborted } from '../contracts/chat-model.ts'
import { scriptedModel, type ScriptedModel } from '../harness/scripted-model.ts'

let upstream: ScriptedModel
const opened: Models[] = []

beforeAll(async () => {
  upstream = await scriptedModel()
})
afterEach(async () => {
  for (const models of opened.splice(0)) await models.close()
  upstream.verify()
})
afterAll(() => upstream.close())

function open(given: object): Embedder {
  const settings = ModelSettings.parse({ models: {}, ...given })
  const models = openModels(settings, () => {})
  opened.push(models)
  return openEmbedder({ settings, serverOf: (provider) => models.server(provider), dataDir: '/nowhere' })
}
/** How many texts the requests had. */
const sizes: number[] = []
afterEach(() => void sizes.splice(0))

/** A server that refuses more than `most` texts, and answers vectors with their number in front. */
function limited(most: number) {
  return async (_path: string, body: object): Promise<unknown> => {
    const { input } = body as { input: string[] }
    sizes.push(input.length)
    if (input.length > most) throw new ModelFailure('invalid_prompt', `batch size ${input.length} > ${most}`)
    return { data: input.map((text, index) => ({ index, embedding: [Number(text) || 0, 1] })) }
  }
}
const unitOf = (value: number) => value / Math.hypot(value, 1)
const listed = { type: 'openai', base_url: 'http://127.0.0.1:1/v1', embedders: { e: { dimensions: 64 } } }
const openai = () => ({ type: 'openai', base_url: upstream.url })

describe('the embedder', () => {
  test('gives unit vectors in the order of the texts', async () => {
    const embedder = open({
      providers: { own: { ...openai(), embedders: { e: { dimensions: 64, window_tokens: 256 } } } },
      models: { '*': 'own' },
      default_embedder: 'own/e',
    })
    expect(embedder).toMatchObject({ id: 'e/64', dimensions: 64, windowTokens: 256 })
    const texts = [
      'cats sleep',
      ...Array.from({ length: 300 }, (_, index) => `text ${index}`),
      '',
      'cats sleep',
    ]
    const vectors = await embedder.embed(texts, 'passage', neverAborted())
    expect(vectors).toHaveLength(texts.length)
    expect(vectors.at(-1)).toEqual(vectors[0])
    expect(vectors[1]).not.toEqual(vectors[2])
    expect(Math.hypot(...vectors[0]!)).toBeCloseTo(1, 5)
    expect(upstream.others.length).toBe(3)
  })

  test('makes smaller batches for a server that takes few texts at once, and remembers it', async () => {
    const embedder = openOpenAiEmbedder({
      server: { postJson: limited(32) },
      model: 'e',
      written: { dimensions: 2 },
    })
    const texts = Array.from({ length: 100 }, (_, index) => `${index}`)
    const vectors = await embedder.embed(texts, 'passage', neverAborted())
    expect(vectors.map(([first]) => first)).toEqual(texts.map((text) => Math.fround(unitOf(Number(text)))))
    sizes.splice(0)
    await embedder.embed(texts, 'passage', neverAborted())
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32)
  })

  test('keeps its batches when a single text was refused', async () => {
    const embedder = openOpenAiEmbedder({
      server: {
        postJson: async (path, body) => {
          if ((body as { input: string[] }).input.includes('bad'))
            throw new ModelFailure('invalid_prompt', 'bad')
          return limited(128)(path, body)
        },
      },
      model: 'e',
      written: { dimensions: 2 },
    })
    const texts = Array.from({ length: 100 }, (_, index) => `${index}`)
    await expect(embedder.embed([...texts, 'bad'], 'passage', neverAborted())).rejects.toThrow('bad')
    sizes.splice(0)
    await embedder.embed(texts, 'passage', neverAborted())
    expect(sizes).toEqual([100])
  })

  test('does not ask again for a single text that the server refuses', async () => {
    const server = { postJson: limited(0) }
    const embedder = openOpenAiEmbedder({ server, model: 'e', written: { dimensions: 2 } })
    const failure = embedder.embed(['a'], 'passage', neverAborted())
    await expect(failure).rejects.toMatchObject({ code: 'invalid_prompt' })
    expect(sizes).toEqual([1])
  })

  test('puts no more tokens into a request than OpenAI takes, in any script', async () => {
    const embedder = openOpenAiEmbedder({
      server: { postJson: limited(128) },
      model: 'e',
      written: { dimensions: 2 },
    })
    await embedder.embed(
      Array.from({ length: 100 }, () => '\u6f22'.repeat(8000)),
      'passage',
      neverAborted(),
    )
    expect(Math.max(...sizes)).toBe(25)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100)
  })

  test('requests shorter vectors from OpenAI only when configured', async () => {
    const embedder = open({
      providers: { own: { ...openai(), embedders: { 'text-embedding-3-small': { dimensions: 256 } } } },
      models: { '*': 'own' },
      default_embedder: 'own/text-embedding-3-small',
    })
    expect(embedder.dimensions).toBe(256)
    await embedder.embed(['a'], 'query', neverAborted())
    expect(upstream.others[0]?.body).toMatchObject({ dimensions: 256, encoding_format: 'base64' })
  })

  test('a server that answers with another width is a failure', async () => {
    const embedder = open({
      providers: { own: { ...openai(), embedders: { e: { dimensions: 32 } } } },
      models: { '*': 'own' },
      default_embedder: 'own/e',
    })
    await expect(embedder.embed(['a'], 'query', neverAborted())).rejects.toMatchObject({
      name: 'ModelFailure',
    })
  })

  test.for([
    [
      'OpenAI',
      { openai: { type: 'openai', base_url: 'https://api.openai.com/v1' } },
      'text-embedding-3-large/256',
    ],
    [
      'a provider that lists an embedding model',
      { chat: { type: 'openai', base_url: 'http://127.0.0.1:1/v1' }, own: { ...listed } },
      'e/64',
    ],
    [
      'a model that OpenAI has and the settings list',
      { openai: { ...listed, base_url: 'https://api.openai.com/v1' } },
      'e/64',
    ],
    [
      'no provider that serves embeddings',
      { own: { type: 'openai', base_url: 'http://127.0.0.1:1/v1' } },
      'minilm-words/128',
    ],
    ['Claude alone', { claude: { type: 'anthropic', api_key: 'k' } }, 'minilm-words/128'],
  ] as [string, object, string][])('without default_embedder and with %s', ([, providers, id]) => {
    expect(open({ providers, models: { '*': Object.keys(providers)[0] } }).id).toBe(id)
  })

  test('is the built-in one when the settings say so, although OpenAI is configured', () => {
    const providers = { openai: { type: 'openai', base_url: 'https://api.openai.com/v1' } }
    const settings = { providers, models: { '*': 'openai' }, default_embedder: 'built-in' }
    expect(open(settings).id).toBe('minilm-words/128')
  })

  test.for([
    ['own/unknown', /width of the embedding model "unknown"/],
    ['own', /write "built-in", "all-minilm-l6-v2", "multilingual-e5-small" or "provider\/model"/],
    ['demo/x', /with a provider of type openai/],
  ] as [string, RegExp][])('%s is refused with a reason', ([default_embedder, reason]) => {
    expect(() => open({ providers: { own: openai() }, models: { '*': 'own' }, default_embedder })).toThrow(
      reason,
    )
  })
})
