import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { errors } from '../../src/api/errors.ts'
import { Model, ModelList } from '../../src/api/models.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { scriptedModel, type ScriptedModel } from '../harness/scripted-model.ts'
import { expectWire } from '../harness/shapes.ts'

let server: TestServer
let upstream: ScriptedModel
beforeAll(async () => {
  upstream = await scriptedModel()
  server = await testServer({
    models: {
      providers: {
        scripted: { type: 'openai', base_url: upstream.url, api_key: 'upstream-key' },
        demo: { type: 'demo' },
      },
      models: { 'gpt-4o': 'scripted', 'ft:gpt-4o:org::id': 'scripted', 'org/model': 'demo', demo: 'demo' },
    },
  })
})
afterEach(() => upstream.verify())
afterAll(async () => {
  await server.close()
  await upstream.close()
})

const get = async (path: string, method = 'GET') => {
  const { status, body } = await server.request(method, path)
  return { status, body }
}

test('the list of models has one page and no page keys', async () => {
  const { status, body } = await get('/models')
  expect(status).toBe(200)
  expectWire(ModelList, body)
  const ids = body.data.map((model: any) => model.id)
  for (const id of ['gpt-4o', 'ft:gpt-4o:org::id', 'org/model']) expect(ids).toContain(id)
  expect(new Set(ids).size).toBe(ids.length)
})

test.each(['gpt-4o', 'ft:gpt-4o:org::id', 'org/model', 'ft%3Agpt-4o%3Aorg%3A%3Aid', 'org%2Fmodel'])(
  'the model %s is found by its name',
  async (name) => {
    const { status, body } = await get(`/models/${name}`)
    expect(status).toBe(200)
    expectWire(Model, body)
    expect(body.id).toBe(decodeURIComponent(name))
  },
)

test('an unknown model is not found, and no model can be deleted', async () => {
  const absent = wireError(errors.modelNotFound('fake_id'))
  expect(await get('/models/fake_id')).toEqual(absent)
  expect(await get('/models/fake_id', 'DELETE')).toEqual(absent)
  expect(await get('/models/gpt-4o', 'DELETE')).toEqual(wireError(errors.modelNotFound('gpt-4o')))
})

test('the provider lists the models of a wildcard route', async () => {
  const provider = { type: 'openai' as const, base_url: upstream.url }
  const down = { type: 'openai' as const, base_url: 'http://127.0.0.1:1/v1' }
  const open = await testServer({
    models: {
      providers: { provider, down },
      models: { '*': 'provider', 'down-*': 'down' },
    },
  })
  upstream.models.push('llama3:latest', 'models/gemini-pro')
  const status = async (name: string) => (await open.request('GET', `/models/${name}`)).status
  expect(await Promise.all(['scripted', 'llama3', 'gemini-pro'].map(status))).toEqual([200, 200, 200])
  const absent = await open.request('GET', '/models/gpt-17')
  expect({ status: absent.status, body: absent.body }).toEqual(wireError(errors.modelNotFound('gpt-17')))
  expect(await status('down-model')).toBe(503)
  upstream.models.splice(1)
  await open.close()
})

test('/readyz names the providers that do not answer, without their addresses', async () => {
  const refusing = await testServer({
    models: {
      providers: {
        up: { type: 'openai', base_url: upstream.url },
        gone: { type: 'openai', base_url: 'http://127.0.0.1:1/v1' },
      },
      models: { '*': 'up', 'gone-*': 'gone' },
    },
  })
  const names = async () => (await refusing.request('GET', '/../readyz')).body.model.providers
  expect(await names()).toEqual([
    { provider: 'up', status: 'unknown' },
    { provider: 'gone', status: 'unknown' },
  ])
  await refusing.request('GET', '/models/scripted')
  await refusing.request('GET', '/models/gone-1')
  const { body } = await refusing.request('GET', '/../readyz')
  expect(body).toMatchObject({
    ready: true,
    model: {
      providers: [
        { provider: 'up', status: 'up' },
        { provider: 'gone', status: 'down', reason: 'ECONNREFUSED' },
      ],
    },
  })
  await refusing.close()
})

test('a request that the server has sent itself is refused', async () => {
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }] }
  upstream.script([{ text: 'Hello' }])
  await server.request('POST', '/chat/completions', body)
  const hop = String(upstream.requests[0]?.headers['x-spool-hop'])
  const own = await server.request('POST', '/chat/completions', body, { 'x-spool-hop': hop })
  expect({ status: own.status, body: own.body }).toEqual(wireError(errors.requestLoop()))
  upstream.script([{ text: 'Hello' }])
  expect((await server.request('POST', '/chat/completions', body, { 'x-spool-hop': 'other' })).status).toBe(
    200,
  )
})

test('an assistant and a run with an unknown model are refused', async () => {
  const refusal = wireError(errors.requestedModelNotFound('fake_id'))
  const made = await server.request('POST', '/assistants', { model: 'fake_id' })
  expect({ status: made.status, body: made.body }).toEqual(refusal)
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'x' })
  const run = await server.request('POST', '/threads/runs', { assistant_id: assistant.id, model: 'fake_id' })
  expect({ status: run.status, body: run.body }).toEqual(refusal)
})

test('a chat completion is passed to the provider unchanged, and so is its answer', async () => {
  const body = {
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'Hi' }],
    seed: 7,
    logit_bias: { 50256: -100 },
    made_up: { by: 'us' },
  }
  upstream.script([{ text: 'Hello', expect: (sent) => expect(sent).toEqual(body) }])
  const answer = await server.request('POST', '/chat/completions', body, { 'openai-beta': null })
  expect(answer.status).toBe(200)
  expect(answer.body).toMatchObject({
    object: 'chat.completion',
    choices: [{ message: { role: 'assistant', content: 'Hello', refusal: null }, finish_reason: 'stop' }],
  })
  expect(upstream.requests[0]?.headers.authorization).toBe('Bearer upstream-key')
})

test('the SDK streams a chat completion', async () => {
  upstream.script([{ text: ['Hel', 'lo'] }])
  const stream = await server.openai.chat.completions.create({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'Hi' }],
    stream: true,
  })
  let text = ''
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
  expect(text).toBe('Hello')
})

test('an error of the provider is returned with its status and message', async () => {
  const error = { message: 'Slow down', type: 'requests', param: null, code: 'rate_limit_exceeded' }
  upstream.script([{ status: 429, headers: { 'retry-after': '7' }, body: { error } }])
  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }] }
  const answer = await server.request('POST', '/chat/completions', body)
  expect([answer.status, answer.body, answer.headers.get('retry-after')]).toEqual([429, { error }, '7'])
})

test.each([400, 404, 500, 503])(
  'a failure %d of the provider shows no key and no address',
  async (status) => {
    const { host } = new URL(upstream.url)
    const message = `Incorrect key upstream-key (sk-abcdefghij123456) at http://${host}/v1 for you`
    upstream.script([{ status, body: { error: { message } } }])
    const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }] }
    const answer = await server.request('POST', '/chat/completions', body)
    expect([answer.status, answer.body.error.message]).toEqual([status, expect.stringContaining('for you')])
    expect(JSON.stringify(answer.body)).not.toMatch(/upstream-key|sk-|127\.0\.0\.1|\d{4,}/)
  },
)

test.each([
  ['/chat/completions', {}, errors.missingParameter('model')],
  ['/chat/completions', { model: 'gpt-4o' }, errors.missingParameter('messages')],
  ['/chat/completions', { model: 'gpt-4o', messages: [] }, errors.emptyArray('messages')],
  [
    '/chat/completions',
    { model: 'fake_id', messages: [{ role: 'user', content: 'x' }] },
    errors.modelNotFound('fake_id'),
  ],
  ['/embeddings', { model: 'gpt-4o' }, errors.missingParameter('input')],
  [
    '/embeddings',
    { model: 'gpt-4o', input: 'x', dimensions: -42 },
    errors.belowMinimum('dimensions', 1, -42),
  ],
  ['/embeddings', { model: 'fake_id', input: 'x' }, errors.modelNotFound('fake_id')],
])('%s refuses %j', async (path, body, error) => {
  const answer = await server.request('POST', path, body)
  expect({ status: answer.status, body: answer.body }).toEqual(wireError(error))
})

test('embeddings that the SDK requests as base64 are valid numbers', async () => {
  const { data } = await server.openai.embeddings.create({ model: 'gpt-4o', input: ['one', 'two'] })
  const plain = await server.request('POST', '/embeddings', {
    model: 'gpt-4o',
    input: ['one', 'two'],
    encoding_format: 'float',
  })
  expect(data).toHaveLength(2)
  for (const [index, one] of data.entries()) {
    const floats: number[] = plain.body.data[index].embedding
    expect(one.embedding).toHaveLength(floats.length)
    for (const [place, value] of one.embedding.entries()) expect(value).toBeCloseTo(floats[place] ?? NaN, 5)
  }
})

test('other paths of the original API are refused with its message for unknown paths', async () => {
  for (const path of ['/responses', '/moderations', '/audio/speech', '/batches']) {
    const { status, body } = await server.request('POST', path, {})
    expect({ status, body }).toEqual(wireError(errors.invalidUrl('POST', `/v1${path}`)))
  }
})
