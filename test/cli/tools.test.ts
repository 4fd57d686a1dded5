/** The commands other than `serve`, as a user runs them. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { builtMain } from '../harness/built.ts'
import { installModel } from '../harness/local-model.ts'
import { migrate, newestMigration } from '../../src/database/migrate.ts'
import { testDatabase } from '../harness/database.ts'
import { runMain } from './run-main.ts'

const migrations = resolve(import.meta.dirname, '../../src/database/migrations')

let folder: string
const running: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-tools-'))
})
afterEach(async () => {
  for (const child of running.splice(0)) await stop(child)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

const settings = (name = 'data') => ({
  SPOOL_DATA_DIR: join(folder, name),
  SPOOL_SANDBOX: 'off',
  SPOOL_DISCOVERY: '0',
  SPOOL_ALLOW_ALL_DOWNLOADS: '1',
  PORT: '0',
})

/** Starts a server in its own process. */
async function startServer(
  name?: string,
  more: Record<string, string> = {},
): Promise<{ child: ChildProcess; openai: OpenAI; port: string }> {
  const child = spawn(process.execPath, [builtMain], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings(name), ...more },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.push(child)
  let printed = ''
  for await (const chunk of child.stdout) {
    printed += String(chunk)
    const [, url] = /answers at (\S+\/v1)/.exec(printed) ?? []
    if (url === undefined) continue
    child.stdout.resume()
    return { child, openai: new OpenAI({ baseURL: url, apiKey: 'any-key' }), port: new URL(url).port }
  }
  throw new Error(`the server did not start: ${printed}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

describe('backup and restore', () => {
  test('a backup of a running server is restored into another folder', async () => {
    const { child, openai } = await startServer()
    const assistant = await openai.beta.assistants.create({ model: 'gpt-4o', name: 'Keeper' })
    const file = await openai.files.create({
      file: new File(['The lamp is lit.'], 'a.txt'),
      purpose: 'assistants',
    })
    const run = await openai.beta.threads.createAndRunPoll({
      assistant_id: assistant.id,
      thread: { messages: [{ role: 'user', content: 'Hello' }] },
    })
    expect(run.status).toBe('completed')
    const archive = join(folder, 'all.tar.gz')
    const written = await runMain(['backup', archive], settings())
    expect(written).toMatchObject({ code: 0, stdout: '' })
    expect(written.stderr).toMatch(/^Done: \d+ rows and 1 file contents/m)
    await openai.beta.assistants.delete(assistant.id)
    await stop(child)

    const restored = await runMain(['restore', archive], settings('other'))
    expect(restored.stderr).toMatch(/^Restored: \d+ rows and 1 file contents/m)
    expect(restored.code).toBe(0)
    const other = await startServer('other')
    expect((await other.openai.beta.assistants.retrieve(assistant.id)).name).toBe('Keeper')
    const messages = await other.openai.beta.threads.messages.list(run.thread_id)
    expect(messages.data.map(({ role }) => role)).toEqual(['assistant', 'user'])
    expect(await (await other.openai.files.content(file.id)).text()).toBe('The lamp is lit.')
  })

  test('an existing file is not overwritten, and nothing is restored into a folder in use', async () => {
    await startServer()
    const archive = join(folder, 'all.tar.gz')
    expect((await runMain(['backup', archive], settings())).code).toBe(0)
    const { size } = statSync(archive)
    const again = await runMain(['backup', archive], settings())
    expect(again.code).toBe(1)
    expect(again.stderr).toContain(`${archive} exists. A backup never replaces a file`)
    expect(statSync(archive).size).toBe(size)
    const restored = await runMain(['restore', archive], settings())
    expect(restored.code).toBe(1)
    expect(restored.stderr).toMatch(/in use|another/i)
  })

  test('an archive that does not exist is refused by name, and no data folder is created', async () => {
    const { code, stderr } = await runMain(['restore', join(folder, 'none.tar.gz')], settings())
    expect(code).toBe(1)
    expect(stderr).toBe(`There is no file ${join(folder, 'none.tar.gz')} that this user may read.\n`)
    expect(existsSync(join(folder, 'data'))).toBe(false)
  })

  test('a backup that fails leaves no file behind', async () => {
    const archive = join(folder, 'all.tar.gz')
    const failed = await runMain(['backup', archive], {
      ...settings(),
      DATABASE_URL: 'postgres://127.0.0.1:1/none',
    })
    expect(failed.code).toBe(1)
    expect(existsSync(archive)).toBe(false)
    expect(existsSync(`${archive}.part`)).toBe(false)
  })
})

test.each([
  ['import', 'a.json'],
  ['export', 'out'],
])('%s does not upgrade tables that an older server may be using', async (command, name) => {
  const database = await testDatabase({ from: 'empty' })
  const older = newestMigration(migrations) - 1
  await migrate(database.db, migrations, older)
  writeFileSync(join(folder, 'a.json'), '{}')
  const environment = { ...settings(), DATABASE_URL: database.url }
  const { code, stderr } = await runMain([command, join(folder, name)], environment)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^The database lacks migration \S+\.sql: an older version/m)
  const [row] = await database.db.query({ text: 'select max(number) as newest from schema_migrations' })
  expect(row).toEqual({ newest: older })
  await database.drop()
})

describe('doctor', () => {
  test('a new installation passes, and so does one whose server runs', async () => {
    const fresh = await runMain(['doctor'], settings())
    expect(fresh.code).toBe(0)
    expect(fresh.stdout).toMatch(/^ok +database: PostgreSQL 1\d\.\S+, embedded, empty/m)
    expect(fresh.stdout).toMatch(/^ok +embedder: \S+ gives vectors of \d+ numbers/m)
    expect(fresh.stdout).toMatch(/^warn +sandbox: off/m)
    expect(fresh.stdout).toMatch(/^warn +provider demo: the built-in demo model answers/m)
    const { port } = await startServer()
    const beside = await runMain(['doctor'], { ...settings(), PORT: port })
    expect(beside.stdout).toMatch(/^ok +port: a Spool server answers/m)
    expect(beside.stdout).toMatch(/^ok +TLS: off/m)
    expect(beside.stdout).toMatch(/^ok +database: .*migration \d+$/m)
    expect(beside.code).toBe(0)
  })

  test('a server that speaks https is recognised, and its certificate is shown', async () => {
    const tls = resolve(import.meta.dirname, '../harness/tls')
    const files = { SPOOL_TLS_CERT: join(tls, 'certificate.pem'), SPOOL_TLS_KEY: join(tls, 'key.pem') }
    const { port } = await startServer('data', files)
    const { code, stdout } = await runMain(['doctor'], { ...settings(), ...files, PORT: port })
    expect(stdout).toMatch(
      /^ok +TLS: the certificate for DNS:localhost, .* is valid until Jan +1 .* 2120 GMT$/m,
    )
    expect(stdout).toMatch(/^ok +port: a Spool server answers/m)
    expect(code).toBe(0)
    const expired = { ...files, SPOOL_TLS_CERT: join(tls, 'expired.pem') }
    const late = await runMain(['doctor'], { ...settings(), ...expired, PORT: port })
    expect(late.stdout).toMatch(/^fail +TLS: .* is valid until Jan +1 .* 2021 GMT\. Renew it, and start/m)
    expect(late.code).toBe(1)
  })

  test('a provider and a database that do not answer are named with the fix', async () => {
    const { code, stdout } = await runMain(['doctor'], {
      ...settings(),
      OPENAI_BASE_URL: 'http://127.0.0.1:1/v1',
      DATABASE_URL: 'postgres://user:hush@127.0.0.1:1/none',
    })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^fail +provider openai: it does not answer: ECONNREFUSED. Check its base_url\./m)
    expect(stdout).toMatch(/^fail +database: /m)
    expect(stdout).not.toContain('hush')
  })
})

test('models are listed and tested', async () => {
  expect((await runMain(['models', 'list'], settings())).stdout).toMatch(/demo/)
  const { code, stdout } = await runMain(['models', 'test', 'gpt-4o'], settings())
  expect(code).toBe(0)
  expect(stdout).toMatch(/^demo\/\S+ answered in \d+\.\d s: "I am the built-in demo model/)
})

test('a test of a model shows why its provider does not answer', async () => {
  const environment = { ...settings(), OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_API_KEY: 'sk-hush' }
  const { code, stdout, stderr } = await runMain(['models', 'test'], environment)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^openai\/gpt-4o failed: .*ECONNREFUSED/m)
  expect(stdout + stderr).not.toContain('hush')
})

test('models pull names the known models and missing files', async () => {
  const unknown = await runMain(['models', 'pull', 'all-minilm-l6-v3'], settings())
  expect(unknown.stderr).toMatch(/no model 'all-minilm-l6-v3' to pull\. Did you mean all-minilm-l6-v2\?/)
  expect(unknown.code).toBe(2)
  const source = ['--source', join(settings().SPOOL_DATA_DIR, 'nowhere')]
  const missing = await runMain(['models', 'pull', 'all-minilm-l6-v2', ...source], settings())
  expect(missing.stderr).toMatch(/nowhere is neither an address nor a folder nor a file/)
  expect(missing.code).toBe(1)
  const misplaced = await runMain(['models', 'list', ...source], settings())
  expect(misplaced.stderr).toMatch(/'models list' has no option --source/)
})

test('models pull says which package is missing', async () => {
  const { SPOOL_DATA_DIR } = settings()
  installModel(SPOOL_DATA_DIR, { name: 'all-minilm-l6-v2' })
  const { code, stdout } = await runMain(['models', 'pull', 'all-minilm-l6-v2'], settings())
  expect(stdout).toMatch(/already in .*\nNot ready yet: .* npm install --ignore-scripts onnxruntime-node@/)
  expect(code).toBe(0)
})

test('settings are checked, and printed without secrets', async () => {
  expect((await runMain(['config', 'check'], settings())).stdout).toBe('The settings are valid.\n')
  const { stdout } = await runMain(['config', 'print'], {
    ...settings(),
    SPOOL_API_KEY: 'hush-key@team',
    OPENAI_API_KEY: 'hush-provider',
    DATABASE_URL: 'postgres://user:hush-password@127.0.0.1/spool',
  })
  expect(stdout).not.toContain('hush')
  expect(JSON.parse(stdout)).toMatchObject({
    database_url: 'postgres://…@127.0.0.1/spool',
    api_keys: '1 (set)',
    providers: { openai: { type: 'openai', api_key: '(set)' } },
  })
})
