/** What the console needs beyond the original API, and how the console itself is served. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openServerInfo } from '../../src/app/server-info.ts'
import { withLocalServers } from '../../src/models/discover.ts'
import { openModels } from '../../src/models/open.ts'
import type { ModelSettings } from '../../src/models/settings.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { stories, until } from '../harness/stories.ts'
import { storeOf, uploadFile } from '../harness/vector-stores.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ scriptedEmbedder: true, maxRetries: 0 })
})
afterEach(() => server.model.verify())
afterAll(() => server.close())

const { post, get, newAssistant, newThread, place, runToRest } = stories(() => server)
const described = { database: { description: 'a database' }, sandbox: { describe: () => ({}) } }
const ids = (list: any) => list.data.map((one: any) => one.id)

describe('runs of all threads', () => {
  test('are listed newest first, page by page, and by assistant, status, model and error', async () => {
    const [one, other] = [await place(), await place({ model: 'o-mini' })]
    server.model.script([{ text: 'a' }, { text: 'b' }, { status: 400, body: { error: { message: 'no' } } }])
    const first = await runToRest(one)
    const second = await runToRest(other)
    server.complaints.length = 0
    const failed = await runToRest(one)
    server.complaints.length = 0
    expect(ids(await get('/runs?limit=3'))).toEqual([failed.id, second.id, first.id])
    const page = await get('/runs?limit=1')
    expect(page).toMatchObject({ data: [failed], has_more: true })
    expect(ids(await get(`/runs?limit=1&after=${page.last_id}`))).toEqual([second.id])
    expect(ids(await get(`/runs?assistant_id=${one.assistant.id}`))).toEqual([failed.id, first.id])
    expect(ids(await get('/runs?model=o-mini'))).toEqual([second.id])
    expect(ids(await get('/runs?status=failed'))).toEqual([failed.id])
    expect(ids(await get('/runs?error_code=invalid_prompt'))).toEqual([failed.id])
    expect((await get('/runs?status=queued')).data).toEqual([])
    expect((await server.request('GET', '/runs?status=lost')).status).toBe(400)
    expect((await server.request('GET', '/runs?after=run_unknown')).status).toBe(404)
  })
})

describe('threads', () => {
  test('are found by id, by metadata, and by the text of their messages in any case', async () => {
    const thread = await newThread('A question about "Zebras" 50%', 'second')
    const tagged = await post('/threads', { metadata: { customer: 'Ärger-17' } })
    const found = async (query: string) => ids(await get(`/threads?query=${encodeURIComponent(query)}`))
    expect(await found('zebras')).toEqual([thread.id])
    expect(await found('about "Zebras" 50%')).toEqual([thread.id])
    expect(await found('Ärger-17')).toEqual([tagged.id])
    expect(await found(tagged.id)).toEqual([tagged.id])
    // Keys and types of the stored JSON are no words of a message.
    expect(await found('annotations')).toEqual([])
    expect(await found('zebr_s')).toEqual([])
  })

  test('show the beginning of their first message where that is asked for', async () => {
    const long = `${'\\"'.repeat(400)}end`
    const texts = ['Short', long, 'line\nbreak \u{1f600}', '\u{1f600}'.repeat(300)]
    const threads = []
    for (const text of texts) threads.push(await newThread(text, 'later'))
    const empty = await post('/threads')
    const list = await get('/threads?limit=5&include[]=first_message')
    expect(ids(list)).toEqual([empty.id, ...ids({ data: threads.toReversed() })])
    const [none, faces, broken, quoted, short] = list.data.map((one: any) => one.first_message)
    expect([none, broken, short]).toEqual([null, texts[2], 'Short'])
    expect(long.startsWith(quoted.replace('…', ''))).toBe(true)
    expect(faces).toBe(`${'\u{1f600}'.repeat(100)}…`)
    expect((await get('/threads?limit=1')).data[0]).not.toHaveProperty('first_message')
  })
})

test('assistants, files and vector stores are found by a part of their name, and by id', async () => {
  const assistant = await newAssistant({ name: 'Lone "Wolf"' })
  const file = await uploadFile(server, 'wolves.txt', 'x')
  const store = await post('/vector_stores', { name: 'Wolf papers' })
  expect(ids(await get('/assistants?query=wolf'))).toEqual([assistant.id])
  expect(ids(await get('/files?query=WOLVES'))).toEqual([file])
  expect(ids(await get('/vector_stores?query=wolf'))).toEqual([store.id])
  expect(ids(await get(`/vector_stores?query=${store.id}`))).toEqual([store.id])
})

test('an id of any kind leads to its object, and an unknown id to a 404', async () => {
  const where = await place()
  server.model.script([{ text: 'hello' }])
  const run = await runToRest(where)
  const [message] = (await get(`/threads/${where.thread.id}/messages`)).data
  const [step] = (await get(`/threads/${where.thread.id}/runs/${run.id}/steps`)).data
  const thread_id = where.thread.id
  expect(await get(`/objects/${where.assistant.id}`)).toEqual({ id: where.assistant.id, object: 'assistant' })
  expect(await get(`/objects/${thread_id}`)).toEqual({ id: thread_id, object: 'thread', thread_id })
  expect(await get(`/objects/${run.id}`)).toMatchObject({ object: 'thread.run', thread_id })
  expect(await get(`/objects/${message.id}`)).toMatchObject({ object: 'thread.message', thread_id })
  expect(await get(`/objects/${step.id}`)).toMatchObject({ object: 'thread.run.step', run_id: run.id })
  for (const id of ['run_unknown', 'nonsense', 'file-\u0000', 'asst']) {
    expect((await server.request('GET', `/objects/${encodeURIComponent(id)}`)).status).toBe(404)
  }
})

describe('the trace of a run', () => {
  const traced = (run: any, isThere: (body: any) => boolean) =>
    until(() => server.request('GET', `/threads/${run.thread_id}/runs/${run.id}/trace`), isThere)
  const ended = (body: any) => body.work.length > 0 && body.work.every((one: any) => one.ended_ms !== null)
  const requests = (trace: any) => trace.work.filter((one: any) => one.kind === 'model_request')

  test('holds the request as the model received it, with times, usage and outcome', async () => {
    const where = await place({ instructions: 'Be brief.', temperature: 0.5 })
    server.model.script([{ text: ['one ', 'two'] }])
    const run = await runToRest(where)
    const trace = await traced(run, ended)
    expect(trace.is_kept).toBe(true)
    expect(trace.work[0]).toMatchObject({ kind: 'worker', attempt: 1, status: 'completed', waits_for: [] })
    expect(trace.work[0].queued_ms).toBeLessThanOrEqual(trace.work[0].started_ms + 1000)
    expect(requests(trace)).toEqual([
      expect.objectContaining({
        provider: 'scripted',
        model: 'gpt-4o',
        is_cut: false,
        finish_reason: 'stop',
        error: null,
        left_out: { count: 0, ids: [] },
        request: expect.objectContaining({
          temperature: 0.5,
          messages: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: 'Hello' },
          ],
        }),
      }),
    ])
    const [{ started_ms, first_token_ms, ended_ms, usage }] = requests(trace)
    expect(first_token_ms).toBeGreaterThanOrEqual(started_ms)
    expect(ended_ms).toBeGreaterThanOrEqual(first_token_ms)
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens)
  })

  test('says why a request failed, with the text of the provider', async () => {
    const where = await place()
    server.model.script([{ status: 400, body: { error: { message: 'too odd' } } }])
    const run = await runToRest(where)
    server.complaints.length = 0
    const [request] = requests(await traced(run, ended))
    expect(request.error).toMatchObject({
      code: 'invalid_prompt',
      message: expect.stringContaining('too odd'),
    })
  })

  test('says how often a request was repeated, and which fields its provider refused', async () => {
    const other = await server.sibling({
      roles: new Set(['api', 'worker']),
      models: {
        providers: { patient: { type: 'openai', base_url: server.model.url, max_retries: 2 } },
        models: { '*': 'patient' },
      },
    })
    server.model.script([
      { status: 503, headers: { 'retry-after-ms': '1' }, body: { error: { message: 'busy' } } },
      { status: 400, body: { error: { message: "Unsupported parameter: 'temperature'" } } },
      { text: 'yes' },
    ])
    const assistant = await other.openai.beta.assistants.create({ model: 'odd', temperature: 0.1 })
    const run = await other.openai.beta.threads.createAndRun({
      assistant_id: assistant.id,
      thread: { messages: [{ role: 'user', content: 'Hello' }] },
    })
    const [request] = requests(await traced(run, ended))
    server.complaints.length = 0
    expect(request.notes).toEqual([
      { at_ms: expect.any(Number), kind: 'request_repeated', reason: expect.stringContaining('busy') },
      { at_ms: expect.any(Number), kind: 'request_adapted', changes: ['leave_out: temperature'] },
    ])
    await other.close()
  })

  test('names the functions that a run waited for', async () => {
    server.model.script([{ calls: [{ name: 'get_time', arguments: '{}' }] }])
    const tools = [{ type: 'function', function: { name: 'get_time' } }]
    const run = await runToRest(await place({ tools }))
    const trace = await traced(run, ended)
    expect(trace.work[0]).toMatchObject({ status: 'requires_action', waits_for: ['get_time'] })
  })

  test('cuts long texts and leaves image data out', async () => {
    const where = await place({ instructions: 'item '.repeat(40_000) })
    const url = `data:image/png;base64,${'A'.repeat(4000)}`
    await post(`/threads/${where.thread.id}/messages`, {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url } },
        { type: 'text', text: 'text '.repeat(40_000) },
      ],
    })
    server.model.script([{ text: 'seen' }])
    const [request] = requests(await traced(await runToRest(where), ended))
    expect(request.is_cut).toBe(true)
    const text = JSON.stringify(request.request)
    expect(text.length).toBeLessThan(300_000)
    expect(text).toContain('data:image/png (4022 characters)')
  })

  test('shows what a search found: queries, passages, and what their scores are made of', async () => {
    const store = await storeOf(server, { 'sea.md': '# Sea\n\nThe herring swims in the cold sea.\n' })
    const where = await place({
      tools: [{ type: 'file_search' }],
      tool_resources: { file_search: { vector_store_ids: [store.id] } },
    })
    const search = { name: 'file_search', arguments: '{"queries":["cold herring"]}' }
    server.model.script([{ calls: [search] }, { text: 'In the sea 【0:0†sea.md】.' }])
    const trace = await traced(await runToRest(where), ended)
    const call = trace.work.find((one: any) => one.kind === 'tool_call')
    expect(call).toMatchObject({
      name: 'file_search',
      error: null,
      search: {
        queries: ['cold herring'],
        passages: [
          {
            file_id: store.file_ids[0],
            filename: 'sea.md',
            vector_store_id: store.id,
            mark: '【0:0†sea.md】',
            heading: 'Sea',
            scores: { meaning: expect.any(Number), words: expect.any(Number) },
          },
        ],
      },
    })
    const [{ score, scores }] = call.search.passages
    expect(score).toBeGreaterThanOrEqual(Math.min(scores.meaning, scores.words))
    expect(score).toBeLessThanOrEqual(Math.max(scores.meaning, scores.words))
  })

  test('goes with its thread, and after trace_days by itself', async () => {
    const rows = (run: any) =>
      server.db.query({ text: 'select id from run_work where run_id = $1', values: [run.id] })
    server.model.script([{ text: 'a' }, { text: 'b' }])
    const [where, kept] = [await place(), await place()]
    const [run, old] = [await runToRest(where), await runToRest(kept)]
    await traced(run, ended)
    await traced(old, ended)
    await server.request('DELETE', `/threads/${where.thread.id}`)
    await expect.poll(() => rows(run)).toEqual([])
    expect((await rows(old)).length).toBe(2)
    await server.db.query({
      text: 'update run_work set started_at = $2 where run_id = $1',
      values: [old.id, server.clock.nowMs() - 7 * 86_400_000 - 1000],
    })
    await expect.poll(async () => (await rows(old)).length).toBe(0)
  })

  test('keeps nothing where the setting is 0', async () => {
    const other = await server.sibling({ traceDays: 0, maxRuns: 64 })
    const where = await place()
    server.model.script([{ text: 'a' }])
    const run = await runToRest(where)
    const response = await fetch(`${other.url}/v1/threads/${run.thread_id}/runs/${run.id}/trace`, {
      headers: { authorization: 'Bearer test-key', 'openai-beta': 'assistants=v2' },
    })
    expect(await response.json()).toMatchObject({ is_kept: false })
  })
})

describe('the text of a file', () => {
  test('is read with its headings, from the file or as the vector store has it', async () => {
    const paragraphs = Array.from(
      { length: 300 },
      (_, index) => `Sentence number ${index} of the second part.`,
    )
    const content = `# First\n\nOne.\n\n# Second\n\n${paragraphs.join(' ')}\n`
    const store = await storeOf(server, { 'parts.md': content })
    const [file] = store.file_ids
    const own = await get(`/files/${file}/text`)
    expect(own).toMatchObject({ object: 'file.text', file_id: file, is_cut: false, problem: null })
    expect(own.sections.map((one: any) => one.heading)).toEqual(['First', 'Second'])
    expect(own.sections.map((one: any) => one.text).join('')).toContain('number 299 of')
    const stored = await get(`/vector_stores/${store.id}/files/${file}/text`)
    const text = stored.sections.map((one: any) => one.text).join('')
    // Chunks overlap; the text must not.
    for (const paragraph of paragraphs) expect(text.split(paragraph).length).toBe(2)
  })

  test('that cannot be read says why', async () => {
    const file = await uploadFile(server, 'picture.zip', 'PK')
    expect(await get(`/files/${file}/text`)).toMatchObject({
      sections: [],
      problem: 'The file type is not supported.',
    })
    expect((await server.request('GET', '/files/file-unknown/text')).status).toBe(404)
  })
})

test('a search shows the parts of its scores, and a list of files their progress, only on request', async () => {
  const store = await storeOf(server, { 'sea.md': '# Sea\n\nThe herring swims in the cold sea.\n' })
  const path = `/vector_stores/${store.id}`
  const plain = await post(`${path}/search`, { query: 'herring' })
  expect(Object.keys(plain.data[0])).toEqual(['file_id', 'filename', 'score', 'attributes', 'content'])
  const shown = await post(`${path}/search?include[]=scores`, { query: 'herring' })
  expect(shown.data[0]).toMatchObject({ heading: 'Sea', scores: { words: expect.any(Number) } })
  expect((await get(`${path}/files`)).data[0]).not.toHaveProperty('progress')
  const [file] = (await get(`${path}/files?include[]=progress`)).data
  expect(file.progress).toEqual({ chunks: 1, embedded: 1, warnings: [] })
})

test('the server describes itself without secrets, to requests with a key', async () => {
  const settings = { ...server.config.settings, api_keys: ['hush@team'] }
  const other = await server.sibling({ keys: new Map([['hush', 'team']]), settings, roles: new Set(['api']) })
  const ask = (key: string) =>
    fetch(`${other.url}/v1/server`, { headers: { authorization: `Bearer ${key}` } })
  expect((await ask('wrong')).status).toBe(401)
  const text = await (await ask('hush')).text()
  const info = JSON.parse(text)
  expect(info).toMatchObject({
    object: 'server',
    project: 'team',
    asks_for_keys: true,
    roles: ['api'],
    settings: expect.arrayContaining([{ name: 'api_keys', value: '1 (set)' }]),
  })
  expect(info.models.providers).toEqual([
    { name: 'scripted', type: 'openai', place: server.model.url, has_key: true },
  ])
  expect(text).not.toContain('upstream-key')
  expect(text).not.toContain('hush')
})

test('the server shows the model servers that it found, and a reranker beside the demo model', async () => {
  const rerank = { type: 'rerank' as const, base_url: 'http://127.0.0.1:9/rerank' }
  const places = [{ name: 'ollama', port: Number(new URL(server.model.url).port) }]
  const log = () => undefined
  const found = await withLocalServers({ providers: {}, models: {} }, { port: 1, log, places })
  const info = async (settings: ModelSettings) => {
    const models = openModels(settings, log)
    const context = { ...server, modelBehind: (name: string) => models.resolve(name)?.model }
    const parts = { config: () => server.config, context, models, ...described }
    return (await openServerInfo(parts)('default')).models
  }
  expect(await info(found)).toMatchObject({
    is_demo: false,
    providers: [{ name: 'ollama', type: 'openai', place: server.model.url, has_key: false }],
    map: expect.arrayContaining([{ pattern: '*', target: 'ollama/scripted' }]),
  })
  expect(await info({ providers: { rerank }, models: {} })).toMatchObject({
    is_demo: true,
    providers: [
      { name: 'rerank', type: 'rerank', place: rerank.base_url },
      { name: 'demo', type: 'demo', place: 'built in' },
    ],
    map: [{ pattern: '*', target: 'demo' }],
  })
})

test('the server reports model names without a provider', async () => {
  await newAssistant({ model: 'nowhere-1' })
  const other = await server.sibling({
    roles: new Set(['api']),
    models: { providers: server.config.models.providers, models: { 'gpt-*': 'scripted' } },
  })
  const response = await fetch(`${other.url}/v1/server`, { headers: { authorization: 'Bearer test-key' } })
  const { models } = (await response.json()) as any
  expect(models.in_use).toContainEqual({ model: 'nowhere-1', assistants: 1, target: null })
  expect(models.in_use).toContainEqual(
    expect.objectContaining({ model: 'gpt-4o', target: 'scripted/gpt-4o' }),
  )
  expect(server.complaints.splice(0)).toMatchObject([
    { message: expect.stringContaining('lead to no model') },
  ])
})

describe('the console', () => {
  const index = resolve(import.meta.dirname, '../../dist/console/index.html')
  const isBuilt = existsSync(index)
  beforeAll(() => {
    if (isBuilt) return
    mkdirSync(dirname(index), { recursive: true })
    writeFileSync(index, '<!doctype html><title>Spool console</title>')
  })
  afterAll(() => {
    if (!isBuilt) rmSync(dirname(index), { recursive: true })
  })

  const page = (url: string | undefined, path: string, headers = {}) =>
    fetch(url + path, { redirect: 'manual', headers: { accept: 'text/html', ...headers } })

  test('is served with a policy that allows its own scripts only; browsers at / are sent there', async () => {
    const { url } = await server.sibling({ console: true, roles: new Set(['api']) })
    const home = await page(url, '/')
    expect([home.status, home.headers.get('location')]).toEqual([302, '/console/'])
    expect((await page(url, '/', { accept: 'application/json' })).status).toBe(200)
    for (const path of ['/console', '/console/', '/console/threads/thread_1', '/console/runs?x=1']) {
      const answer = await page(url, path)
      expect(answer.status).toBe(200)
      expect(await answer.text()).toContain('Spool console')
      const policy = answer.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("script-src 'self';")
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    }
    for (const path of [
      '/console/../package.json',
      '/console/%2e%2e/package.json',
      '/console/assets/none.js',
    ]) {
      expect(await (await page(url, path)).text()).not.toContain('"dependencies"')
    }
    expect((await page(url, '/console/assets/none.js')).status).toBe(404)
  })

  test('is not there when it is turned off', async () => {
    const { url } = await server.sibling({ console: false, roles: new Set(['api']) })
    expect((await page(url, '/console/')).status).toBe(404)
    const home = await page(url, '/')
    expect([home.status, home.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  })
})
