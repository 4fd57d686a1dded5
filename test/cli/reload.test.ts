/** Models, keys and limits of a running server, changed by SIGHUP and by the endpoint. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { startProcess, type ServerProcess } from '../harness/process.ts'
import { requestStream } from '../harness/read-stream.ts'
import { scriptedModel, type ScriptedModel } from '../harness/scripted-model.ts'

let data: DataDir
let before: ScriptedModel
let after: ScriptedModel
let server: ServerProcess | undefined
beforeEach(async () => {
  data = makeDataDir()
  before = await scriptedModel()
  after = await scriptedModel()
})
afterEach(async () => {
  await server?.end('SIGTERM')
  server = undefined
  await before.close()
  await after.close()
  await data.remove()
})

const file = () => join(data.path, 'spool.config.json')

const write = (settings: object) => writeFileSync(file(), JSON.stringify(settings))

/** Settings that lead every name to this model. */
const modelAt = ({ url }: ScriptedModel, more: object = {}) => ({
  providers: { upstream: { type: 'openai', base_url: url, api_key: 'upstream-key' } },
  ...more,
})

async function start(settings: object, environment: Record<string, string> = {}): Promise<ServerProcess> {
  write(settings)
  server = await startProcess(data.path, {
    SPOOL_SANDBOX: 'off',
    SPOOL_CONFIG: file(),
    SPOOL_MIN_FREE_DISK_MB: '0',
    ...environment,
  })
  return server
}

interface Answer {
  status: number
  body: any
}

async function call(
  method: string,
  path: string,
  { key = 'test-key', body }: { key?: string; body?: object } = {},
) {
  const response = await fetch(`${server?.url}/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      'openai-beta': 'assistants=v2',
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() } as Answer
}

const reload = (key?: string) => call('POST', '/server/reload', key === undefined ? {} : { key })

/** Starts a run that streams, and waits for its first text. */
async function openStream(content: string) {
  const assistant = await call('POST', '/assistants', { body: { model: 'gpt-4o' } })
  const response = await requestStream(`${server?.url}/v1/threads/runs`, {
    assistant_id: assistant.body.id,
    thread: { messages: [{ role: 'user', content }] },
  })
  let text = ''
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  const readUntil = async (part: string) => {
    while (!text.includes(part)) {
      const { done, value } = (await reader?.read()) ?? { done: true }
      if (done) throw new Error(`the stream ended without ${part}: ${text}`)
      text += value
    }
    return text
  }
  return { readUntil }
}

const plainRun = async () => {
  const { readUntil } = await openStream('again')
  return readUntil('event: done')
}

const held = () => {
  let release = () => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  return { gate, release }
}

test.for(['SIGHUP', 'endpoint'])(
  'with %s an open stream goes on with its model, and the next run takes the new one',
  async (way) => {
    const { pid, output } = await start(modelAt(before))
    const { gate, release } = held()
    // The second turn comes after the reload: a call of a function that does not exist is repeated by the model.
    before.script([
      { text: ['old '], calls: [{ name: 'none', arguments: '{}' }], hold: gate },
      { text: ['end'] },
    ])
    const stream = await openStream('Hello')
    await stream.readUntil('old ')
    write(modelAt(after))
    if (way === 'SIGHUP') process.kill(pid, 'SIGHUP')
    else
      expect(await reload()).toEqual({
        status: 200,
        body: { object: 'server.reload', changed: ['providers'], needs_restart: [] },
      })
    await expect.poll(output).toContain('"the settings were reloaded"')
    after.script([{ text: ['new model'] }])
    expect(await plainRun()).toContain('new model')
    release()
    const text = await stream.readUntil('event: done')
    expect(text).toContain('event: thread.run.completed')
    expect(text).toContain('"value":"end"')
    before.verify()
    after.verify()
  },
)

test('invalid settings are refused with the same error as at a start, and the current ones are kept', async () => {
  const { pid, output } = await start(modelAt(before))
  write({ ...modelAt(after), max_runs: 'many' })
  const sentence = `${file()}: 'max_runs' cannot be used: a whole number is needed.`
  const refused = await reload()
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'invalid_settings' } } })
  expect(refused.body.error.message).toContain(sentence)
  writeFileSync(file(), '{"providers": ')
  process.kill(pid, 'SIGHUP')
  await expect.poll(output).toContain('"the settings were not reloaded"')
  expect(output()).toContain('is not valid JSON')
  write(modelAt(after, { models: { '*': 'nowhere' } }))
  expect((await reload()).body.error.message).toContain('nowhere')
  rmSync(file())
  expect((await reload()).body.error.message).toContain('SPOOL_CONFIG names')
  before.script([{ text: ['still here'] }])
  expect(await plainRun()).toContain('still here')
  before.verify()
})

test('keys and limits change, and settings that need a restart are named', async () => {
  const settings = (more: object) => modelAt(before, { allow_all_downloads: false, ...more })
  await start(settings({ api_keys: ['test-key', 'team-key@team'] }))
  const form = new FormData()
  form.append('purpose', 'assistants')
  form.append('file', new File(['hello'], 'a.txt'))
  const headers = { authorization: 'Bearer test-key' }
  const upload = await fetch(`${server?.url}/v1/files`, { method: 'POST', headers, body: form })
  const { id } = (await upload.json()) as { id: string }
  const download = () => fetch(`${server?.url}/v1/files/${id}/content`, { headers })
  expect((await download()).status).toBe(400)
  write(
    settings({
      api_keys: ['test-key', 'other-key'],
      allow_all_downloads: true,
      run_expires_seconds: 1234,
      body_limit_mb: 3,
      sandbox: { driver: 'auto' },
    }),
  )
  expect((await reload('team-key')).body.error.code).toBe('reload_not_allowed')
  expect((await reload()).body).toEqual({
    object: 'server.reload',
    changed: ['api_keys', 'run_expires_seconds', 'allow_all_downloads'],
    needs_restart: ['body_limit_mb'],
  })
  expect((await download()).status).toBe(200)
  expect((await call('GET', '/models', { key: 'team-key' })).status).toBe(401)
  expect((await call('GET', '/models', { key: 'other-key' })).status).toBe(200)
  const thread = await call('POST', '/threads', { body: { messages: [{ role: 'user', content: 'Hi' }] } })
  const assistant = await call('POST', '/assistants', { body: { model: 'gpt-4o' } })
  before.script([{ text: ['timed'] }])
  const run = await call('POST', `/threads/${thread.body.id}/runs`, {
    body: { assistant_id: assistant.body.id },
  })
  expect(run.body.expires_at - run.body.created_at).toBe(1234)
  const shown = (await call('GET', '/server')).body.settings as { name: string; value: unknown }[]
  const valueOf = (name: string) => shown.find((one) => one.name === name)?.value
  expect(valueOf('run_expires_seconds')).toBe(1234)
  // Not in force yet.
  expect(valueOf('body_limit_mb')).toBe(16)
  expect((await reload()).body).toMatchObject({ changed: [], needs_restart: ['body_limit_mb'] })
  await expect.poll(() => before.requests.length).toBe(1)
})

test('a change of the embedder waits for a restart, and the models of the same change are used at once', async () => {
  await start(modelAt(before))
  const embedders = { words: { dimensions: 64 } }
  const upstream = { type: 'openai', base_url: after.url, api_key: 'k', embedders }
  write({ providers: { upstream }, default_embedder: 'upstream/words' })
  const waits = { changed: ['providers'], needs_restart: ['default_embedder'] }
  expect((await reload()).body).toMatchObject(waits)
  expect((await reload()).body).toMatchObject({ changed: [], needs_restart: ['default_embedder'] })
  expect((await call('GET', '/server')).body.models.embedder.id).toBe('minilm-words/128')
  after.script([{ text: ['new model'] }])
  expect(await plainRun()).toContain('new model')
})

test('a server that other machines reach does not lose its keys by a reload', async () => {
  await start(modelAt(before, { host: '0.0.0.0', api_keys: ['test-key'] }))
  write(modelAt(before, { host: '127.0.0.1' }))
  const { status, body } = await reload()
  expect(status).toBe(400)
  expect(body.error.message).toContain('Without SPOOL_API_KEY the server listens on this machine only')
  expect((await call('GET', '/models', { key: 'any' })).status).toBe(401)
})
