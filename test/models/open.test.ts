import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openModels, type Models } from '../../src/models/open.ts'
import { ModelSettings } from '../../src/models/settings.ts'
import { collect, neverAborted, textOf } from '../contracts/chat-model.ts'
import { scriptedModel, type ScriptedModel } from '../harness/scripted-model.ts'

let upstream: ScriptedModel
const opened: Models[] = []
const warnings: object[] = []

beforeAll(async () => {
  upstream = await scriptedModel()
})
afterEach(async () => {
  for (const models of opened.splice(0)) await models.close()
  warnings.length = 0
  upstream.verify()
})
afterAll(() => upstream.close())

function open(settings: object): Models {
  const parsed = ModelSettings.parse({ providers: {}, models: {}, ...settings })
  const models = openModels(parsed, (_level, _message, fields) => warnings.push(fields ?? {}))
  opened.push(models)
  return models
}
const openai = () => ({ type: 'openai', base_url: upstream.url })

describe('names', () => {
  test('with nothing configured every name leads to the demo model', async () => {
    const models = open({})
    expect(models.isDemo).toBe(true)
    expect(models.description).toMatch(/demo/)
    expect(models.resolve('gpt-4o')).toMatchObject({
      provider: 'demo',
      model: 'gpt-4o',
      context_window: 128_000,
    })
    expect((await models.list()).map(({ id }) => id)).toEqual(['demo'])
  })

  test('with a provider no name leads to the demo model', async () => {
    const models = open({ providers: { openai: openai() }, models: { '*': 'openai' } })
    expect(models.isDemo).toBe(false)
    expect(models.resolve('demo')?.provider).toBe('openai')
    expect(models.resolve('gpt-4o')?.provider).toBe('openai')
    expect((await models.list()).map(({ id }) => id)).toEqual(['scripted'])
  })

  test('the map decides where a name leads, and a name that it does not have leads nowhere', () => {
    const models = open({ providers: { openai: openai() }, models: { demo: 'openai/gpt-4o' } })
    expect(models.resolve('demo')).toMatchObject({ provider: 'openai', model: 'gpt-4o' })
    expect(models.resolve('other')).toBeUndefined()
    expect(models.raw('other')).toBeUndefined()
  })

  test('an alias is sent under the name that the provider uses', async () => {
    const models = open({ providers: { openai: openai() }, models: { fast: 'openai/tiny-1' } })
    const found = models.resolve('fast')!
    upstream.script([{ text: 'ok', expect: (body) => expect(body.model).toBe('tiny-1') }])
    const request = { model: found.model, messages: [{ role: 'user' as const, content: 'Hi' }] }
    expect(textOf(await collect(found.chat.stream(request, neverAborted())))).toBe('ok')
  })

  test.each([
    ['an answer', 'openai/tiny-1'],
    ['the answer of a fallback', ['gone/tiny-1', 'openai/tiny-1']],
  ])('when the reader of %s stops reading, the provider stops too', async (_, route) => {
    const providers = { openai: openai(), gone: { ...openai(), base_url: 'http://127.0.0.1:9/v1' } }
    const models = open({ providers, models: { fast: route } })
    const found = models.resolve('fast')!
    upstream.script([{ text: ['Hel', 'lo'], hold: new Promise(() => {}) }])
    const request = { model: found.model, messages: [{ role: 'user' as const, content: 'Hi' }] }
    for await (const { type } of found.chat.stream(request, neverAborted())) {
      if (type === 'text-delta') break
    }
    await expect.poll(() => upstream.open()).toBe(0)
  })

  test('a configured context window is used, for the name and for its alias', () => {
    const models = open({
      providers: { openai: openai() },
      models: { fast: 'openai/tiny-1', '*': 'openai' },
      context_windows: { fast: 1_000, 'tiny-*': 2_000, 'gpt-4': 3_000 },
    })
    expect(['fast', 'tiny-2', 'gpt-4', 'gpt-4o'].map((name) => models.resolve(name)?.context_window)).toEqual(
      [1_000, 2_000, 3_000, 128_000],
    )
  })
})

describe('the list', () => {
  test('leaves out a provider that does not answer, and logs it', async () => {
    const models = open({
      providers: { gone: { type: 'openai', base_url: 'http://127.0.0.1:1/v1' } },
      models: { '*': 'gone', fast: 'gone/x' },
    })
    expect((await models.list()).map(({ id }) => id)).toEqual(['fast'])
    expect(warnings).toEqual([{ provider: 'gone', error: expect.stringMatching(/ECONNREFUSED/) }])
  })

  test('shows only names that lead to the provider that lists them', async () => {
    const models = open({
      providers: { a: openai(), b: openai() },
      models: { '*': 'a', 'script*': 'b' },
    })
    expect(await models.list()).toEqual([
      { id: 'scripted', object: 'model', created: 1700000000, owned_by: 'scripted' },
    ])
  })
})

describe('the pass-through', () => {
  test('posts the body with the name of the provider', async () => {
    const models = open({ providers: { openai: openai() }, models: { fast: 'openai/tiny-1' } })
    upstream.script([{ text: 'Hi' }])
    const raw = models.raw('fast')!
    const answer = await raw.chatCompletions({ model: 'fast', messages: [], seed: 7 }, neverAborted())
    await answer.body.toArray()
    expect(upstream.requests[0]?.body).toEqual({ model: 'tiny-1', messages: [], seed: 7 })
  })
})

describe('settings', () => {
  test.for([
    [{ providers: { own: { type: 'openai', base_url: 'ftp://x/v1' } } }],
    [{ providers: { own: { type: 'openai', base_url: 'http://x/v1', apikey: 'x' } } }],
    [{ providers: { 'a/b': { type: 'demo' } } }],
    [{ providers: { own: { type: 'telepathy' } } }],
    [{ embedder: 'x' }],
  ])('%j is refused', ([settings]) => {
    expect(ModelSettings.safeParse({ providers: {}, models: {}, ...settings }).success).toBe(false)
  })
})
