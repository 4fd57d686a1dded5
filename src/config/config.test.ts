import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigFile, readConfig } from './config.ts'

function withFile(content: object | string, environment: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'spool-config-'))
  const path = join(folder, 'spool.config.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return { folder, read: () => readConfig({ SPOOL_CONFIG: path, ...environment }) }
}

test('with nothing set the server listens on this machine and asks the demo model', () => {
  const config = withFile({}).read()
  expect(config).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    databaseUrl: undefined,
    runExpiresSeconds: 600,
  })
  expect(config.models).toMatchObject({ providers: {}, models: {} })
})

test('the environment wins over the file, and paths in the file are relative to it', () => {
  const { folder, read } = withFile({ port: 1, data_dir: 'here' }, { PORT: '2' })
  expect(read()).toMatchObject({ port: 2, dataDir: join(folder, 'here') })
})

test('a mistyped key is told with the nearest right one', () => {
  expect(withFile({ databse_url: 'x' }).read).toThrow(
    "unknown key 'databse_url'. Did you mean 'database_url'?",
  )
  const provider = { providers: { mine: { type: 'openai', base_ulr: 'http://x/v1' } } }
  expect(withFile(provider).read).toThrow("Did you mean 'base_url'?")
})

test('a file that is no JSON, or that is not there, is told by name', () => {
  expect(withFile('{').read).toThrow('is not valid JSON')
  expect(() => readConfig({ SPOOL_CONFIG: '/nowhere/at/all.json' })).toThrow('does not exist')
})

test('a variable in the file is filled in, and a missing one is named', () => {
  const file = { providers: { mine: { type: 'openai', base_url: 'http://x/v1', api_key: '${MY_KEY}' } } }
  const { providers } = withFile(file, { MY_KEY: 'secret' }).read().models
  expect(providers.mine).toMatchObject({ api_key: 'secret' })
  expect(withFile(file).read).toThrow('uses ${MY_KEY}, which is not set')
})

test('a key may have a project of its own', () => {
  const { keys } = withFile({}, { SPOOL_API_KEY: 'one, two@team, a@b@c' }).read()
  expect([...keys]).toEqual([
    ['one', 'default'],
    ['two', 'team'],
    ['a@b', 'c'],
  ])
})

test('without keys the server does not listen to strangers, unless told so', () => {
  expect(withFile({}, { HOST: '0.0.0.0' }).read).toThrow('Without SPOOL_API_KEY')
  expect(withFile({}, { HOST: '0.0.0.0', SPOOL_API_KEY: 'k' }).read().host).toBe('0.0.0.0')
  expect(withFile({}, { HOST: '0.0.0.0', SPOOL_INSECURE: '1' }).read().insecure).toBe(true)
})

test('the embedded database needs both roles', () => {
  expect(withFile({}, { SPOOL_ROLES: 'api' }).read).toThrow('Set DATABASE_URL to split them')
  const split = withFile({}, { SPOOL_ROLES: 'api', DATABASE_URL: 'postgres://x/y' }).read()
  expect([...split.roles]).toEqual(['api'])
})

test.each([
  ['PORT', 'eighty'],
  ['SPOOL_MAX_RUNS', '0'],
  ['SPOOL_INSECURE', 'maybe'],
  ['SPOOL_SANDBOX', 'docker'],
  ['SPOOL_ROLES', 'api,cook'],
])('%s=%s is refused by name', (name, value) => {
  expect(withFile({}, { [name]: value }).read).toThrow(name)
})

test('an OpenAI key or address leads every name to that provider, and the file may say otherwise', () => {
  const { models } = withFile({ models: { 'gpt-4o': 'openai/other' } }, { OPENAI_API_KEY: 'k' }).read()
  expect(models.providers.openai).toMatchObject({ base_url: 'https://api.openai.com/v1', api_key: 'k' })
  expect(models.models).toEqual({ 'gpt-4o': 'openai/other', '*': 'openai' })
})

test('docs/configuration.md lists every key of the file', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const listed = [...page.matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z_]+)`/g)].map(([, key]) => key),
  )
  expect(new Set(listed)).toEqual(new Set(Object.keys(ConfigFile.shape)))
  expect(listed).toHaveLength(new Set(listed).size)
})
