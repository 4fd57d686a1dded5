import { openModels } from '../models/open.ts'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from './config.ts'
import { reloadable } from './reload.ts'
import { listSettings, type Setting } from './setting-list.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-config-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** The configuration of a file's content and of variables; nothing of this machine's environment. */
function read(file: object | string, environment: Record<string, string> = {}) {
  const path = join(folder, 'spool.config.json')
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file))
  return readConfig({}, { SPOOL_CONFIG: path, ...environment })
}
const readVariables = (environment: Record<string, string>) => read({}, environment)

test('with nothing set the server listens on this machine and the demo model answers', () => {
  const config = read({})
  expect(config).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    databaseUrl: undefined,
    runExpiresSeconds: 600,
    maxFileBytes: 512 * 1024 * 1024,
    allowAllDownloads: false,
    warnings: [],
  })
  expect(config.models).toMatchObject({ providers: {}, models: {} })
})

test('flags win over the environment, and the environment over the file', () => {
  expect(read({ port: 1 }, { PORT: '2' }).port).toBe(2)
  expect(readConfig({ PORT: '3' }, { PORT: '2' }).port).toBe(3)
  expect(read({ allow_all_downloads: true }, { SPOOL_ALLOW_ALL_DOWNLOADS: '0' }).allowAllDownloads).toBe(
    false,
  )
})

test('paths in the file are relative to it, and files live under the data folder', () => {
  expect(read({ data_dir: 'here' })).toMatchObject({
    dataDir: join(folder, 'here'),
    blobs: { type: 'disk', folder: join(folder, 'here/blobs') },
  })
  expect(readVariables({ SPOOL_DATA_DIR: '/there' }).blobs).toEqual({ type: 'disk', folder: '/there/blobs' })
  expect(read({ tls_cert: 'c.pem', tls_key: '/keys/k.pem' }).tls).toEqual({
    cert: join(folder, 'c.pem'),
    key: '/keys/k.pem',
  })
  expect(readVariables({}).tls).toBeUndefined()
  const blobs = { type: 'disk', folder: 'contents' }
  expect(read({ blobs }).blobs).toEqual({ type: 'disk', folder: join(folder, 'contents') })
})

describe('every setting', () => {
  const settings = listSettings()

  test('has a variable of its own', () => {
    const variables = settings.map(({ variable }) => variable)
    expect(settings.filter(({ variable }) => !variable).map(({ path }) => path.join('.'))).toEqual([])
    expect(new Set(variables).size).toBe(variables.length)
  })

  test('is in the table of docs/configuration.md', () => {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
    const [, table] = /(\| key in the file \|.*(?:\n\|.*)+)/.exec(page) ?? []
    expect(table).toBe(settingsTable(settings))
  })

  test('docs/configuration.md lists the settings that are reloaded', () => {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
    const section = page.split('\n## ').find((one) => one.startsWith('Reload')) ?? ''
    const listed = [...section.matchAll(/`([a-z_]+)`/g)].map(([, name = '']) => name)
    expect(new Set(listed)).toEqual(new Set([...Object.keys(reloadable), 'needs_restart']))
  })

  test.each(settings.filter(({ kind }) => kind === 'number'))(
    '$variable must be a whole number',
    ({ variable }) => {
      expect(() => readVariables({ [variable ?? '']: 'NaN' })).toThrow(
        `${variable}=NaN cannot be used: a whole number is needed.`,
      )
    },
  )

  test.each(settings.filter(({ kind }) => kind === 'flag'))('$variable must be 1 or 0', ({ variable }) => {
    expect(() => readVariables({ [variable ?? '']: 'maybe' })).toThrow(
      `${variable}=maybe cannot be used: write 1 or 0.`,
    )
  })

  test.each(settings.filter(({ kind }) => kind === 'json'))(
    '$variable must be a JSON object',
    ({ variable }) => {
      expect(() => readVariables({ [variable ?? '']: '{' })).toThrow(`${variable} must be a JSON object`)
      expect(() => readVariables({ [variable ?? '']: '[]' })).toThrow(`${variable} must be a JSON object`)
    },
  )
})

function settingsTable(settings: Setting[]): string {
  const rows = settings.map(({ path, variable, default: standard, description }) => {
    const shown = standard === '' ? 'none' : /^[\w.,/-]+$/.test(standard) ? `\`${standard}\`` : standard
    return `| \`${path.join('.')}\` | \`${variable}\` | ${shown} | ${description} |`
  })
  return ['| key in the file | variable | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

describe('a mistyped key of the file is refused with the nearest right one', () => {
  test.each([
    [{ databse_url: 'x' }, "unknown key 'databse_url'. Did you mean 'database_url'?"],
    [{ blob: {} }, "unknown key 'blob'. Did you mean 'blobs'?"],
    [{ vector_index: 'pgvector' }, "the key 'vector_index' was removed: vectors are compared in memory"],
    [
      { blobs: { type: 'disk', foldr: 'x', folder: 'y' } },
      "unknown key 'blobs.foldr'. Did you mean 'folder'?",
    ],
    [{ sandbox: { drivers: 'bwrap' } }, "unknown key 'sandbox.drivers'. Did you mean 'driver'?"],
    [
      { sandbox: { memory: 1 } },
      "unknown key 'sandbox.memory'. Known are: driver, python, downloads, memory_mb.",
    ],
    [{ providers: { mine: { type: 'openai', base_ulr: 'http://x/v1' } } }, "Did you mean 'base_url'?"],
  ])('%j', (file, message) => {
    expect(() => read(file)).toThrow(message)
  })
})

describe('an unknown SPOOL_ variable is refused with the nearest right one', () => {
  test.each([
    ['SPOOL_APIKEY', 'SPOOL_API_KEY'],
    ['SPOOL_API_KEYS', 'SPOOL_API_KEY'],
    ['spool_api_key', 'SPOOL_API_KEY'],
    ['SPOOL_DATADIR', 'SPOOL_DATA_DIR'],
    ['SPOOL_PORT', 'PORT'],
    ['SPOOL_DATABASE_URL', 'DATABASE_URL'],
    ['SPOOL_OPENAI_API_KEY', 'OPENAI_API_KEY'],
  ])('%s: did you mean %s?', (name, near) => {
    expect(() => readVariables({ [name]: '9000' })).toThrow(
      `The environment variable ${name} is not a setting. Did you mean ${near}?`,
    )
  })

  test('an unknown name without a similar one is refused too', () => {
    expect(() => readVariables({ SPOOL_ZZZZZZZZZZZZ: '1' })).toThrow('SPOOL_ZZZZZZZZZZZZ is not a setting')
  })

  test('the variables that Kubernetes sets for a service named spool are ignored', () => {
    const links = {
      SPOOL_SERVICE_HOST: '10.0.0.1',
      SPOOL_SERVICE_PORT: '8080',
      SPOOL_SERVICE_PORT_HTTP: '8080',
      SPOOL_PORT: 'tcp://10.0.0.1:8080',
      SPOOL_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      SPOOL_PORT_8080_TCP_ADDR: '10.0.0.1',
      SPOOL_DB_PORT_5432_TCP_PROTO: 'tcp',
    }
    expect(readVariables(links).port).toBe(8080)
  })
})

test('a file that is not JSON, not an object or not there is named', () => {
  expect(() => read('{')).toThrow('is not valid JSON')
  expect(() => read('[]')).toThrow('must contain a JSON object')
  expect(() => readConfig({}, { SPOOL_CONFIG: '/nowhere/at/all.json' })).toThrow('does not exist')
})

describe('variables inside the file', () => {
  const provider = (more: object) => ({
    providers: { mine: { type: 'openai', base_url: 'http://x/v1', ...more } },
  })

  test('are filled in', () => {
    const { providers } = read(provider({ api_key: '${MY_KEY}' }), { MY_KEY: 'secret' }).models
    expect(providers.mine).toMatchObject({ api_key: 'secret' })
  })

  test.each<Record<string, string>>([{}, { MY_KEY: '' }])(
    'that are not set leave a key of a provider out, with a warning: %j',
    (environment) => {
      const config = read(provider({ api_key: '${MY_KEY}' }), environment)
      expect(config.models.providers.mine).toEqual({ type: 'openai', base_url: 'http://x/v1' })
      expect(config.warnings).toEqual([
        expect.stringContaining("'providers.mine.api_key' is left out: it uses ${MY_KEY}"),
      ])
    },
  )

  test('that are not set are an error where the value is needed', () => {
    const file = { providers: { mine: { type: 'openai', base_url: '${MY_URL}' } } }
    expect(() => read(file)).toThrow("'providers.mine.base_url' uses ${MY_URL}, which is not set.")
  })

  test('that are not set never leave out a key of the server', () => {
    expect(() => read({ api_keys: ['${MY_KEY}'] })).toThrow('uses ${MY_KEY}, which is not set')
  })
})

test('a reranker is not a provider of chat models', () => {
  const cross = { type: 'rerank', base_url: 'http://x/v1' }
  expect(read({ providers: { cross } })).toMatchObject({ warnings: [], models: { models: {} } })
  expect(() => read({ providers: { cross }, demo_model: false })).toThrow('there is no other')
})

test('a key may have a project of its own, and a list without keys is refused', () => {
  const { keys } = readVariables({ SPOOL_API_KEY: 'one, two@team, a@b@c' })
  expect([...keys]).toEqual([
    ['one', 'default'],
    ['two', 'team'],
    ['a@b', 'c'],
  ])
  expect(() => readVariables({ SPOOL_API_KEY: ' ,' })).toThrow('SPOOL_API_KEY is set, but its list is empty')
})

test.each(['0.0.0.0', '127.anything.example', '192.168.0.1'])(
  'without keys the server does not listen on %s, unless SPOOL_INSECURE says so',
  (host) => {
    expect(() => readVariables({ HOST: host })).toThrow('Without SPOOL_API_KEY')
    expect(readVariables({ HOST: host, SPOOL_API_KEY: 'k' }).host).toBe(host)
    expect(readVariables({ HOST: host, SPOOL_INSECURE: '1' }).insecure).toBe(true)
  },
)

test('the embedded database needs both roles', () => {
  expect(() => readVariables({ SPOOL_ROLES: 'api' })).toThrow('Set DATABASE_URL to split them')
  const split = readVariables({ SPOOL_ROLES: 'api', DATABASE_URL: 'postgres://x/y' })
  expect([...split.roles]).toEqual(['api'])
})

test.each([
  ['PORT', '70000', 'the largest value is 65535'],
  ['SPOOL_MAX_RUNS', '0', 'the smallest value is 1'],
  ['SPOOL_SANDBOX', 'docker', 'write one of auto, bwrap, landlock, deno, off'],
  ['SPOOL_ROLES', 'api,cook', 'write one of api, worker'],
  ['SPOOL_LOG_LEVEL', 'loud', 'write one of debug, info, warn, error'],
  ['SPOOL_CORS_ORIGINS', 'app.example.com', 'an origin is needed, such as https://app.example.com, or *'],
  ['SPOOL_CORS_ORIGINS', 'https://app.example.com/', 'such as https://app.example.com, or *'],
])('%s=%s is refused: %s', (name, value, message) => {
  expect(() => readVariables({ [name]: value })).toThrow(`${name}=`)
  expect(() => readVariables({ [name]: value })).toThrow(message)
})

describe('file contents', () => {
  const bucket = {
    type: 's3',
    endpoint: 'http://minio:9000',
    bucket: 'spool',
    region: 'us-east-1',
    access_key_id: 'me',
    secret_access_key: 'hush',
  }
  const variables = {
    SPOOL_S3_ENDPOINT: 'http://minio:9000',
    SPOOL_S3_BUCKET: 'spool',
    SPOOL_S3_REGION: 'us-east-1',
    SPOOL_S3_ACCESS_KEY_ID: 'me',
    SPOOL_S3_SECRET_ACCESS_KEY: 'hush',
  }

  test('go to a bucket that the environment names, whole or in part', () => {
    expect(readVariables(variables).blobs).toEqual(bucket)
    expect(read({ blobs: { type: 'disk', folder: 'x' } }, variables).blobs).toEqual(bucket)
    const { secret_access_key: _secret, ...withoutSecret } = bucket
    expect(read({ blobs: withoutSecret }, { SPOOL_S3_SECRET_ACCESS_KEY: 'hush' }).blobs).toEqual(bucket)
    expect(
      read({ blobs: { ...bucket, secret_access_key: '${BUCKET_SECRET}' } }, { BUCKET_SECRET: 'hush' }).blobs,
    ).toEqual(bucket)
  })

  test('are refused when a setting of the bucket is missing', () => {
    const { SPOOL_S3_REGION: _region, ...others } = variables
    expect(() => readVariables(others)).toThrow(
      "SPOOL_S3_REGION ('blobs.region' in the config file) is missing.",
    )
  })

  test('cannot be in a folder and a bucket at once', () => {
    expect(() => readVariables({ ...variables, SPOOL_BLOBS_FOLDER: '/blobs' })).toThrow(
      "is set together with variables of another kind of 'blobs'",
    )
  })

  test('a secret is not repeated in an error', () => {
    const wrong = { ...variables, SPOOL_S3_BUCKET: 'a/b' }
    expect(() => readVariables(wrong)).toThrow(
      /^SPOOL_S3_BUCKET=a\/b cannot be used: is not a valid bucket name\.$/,
    )
    const providers = JSON.stringify({ mine: { type: 'openai', base_url: 1, api_key: 'hush' } })
    expect(() => readVariables({ SPOOL_PROVIDERS: providers })).toThrow(
      /^SPOOL_PROVIDERS cannot be used: [^{]*$/,
    )
  })
})

describe('models', () => {
  const local = { type: 'openai', base_url: 'http://127.0.0.1:11434/v1' }

  test('an OpenAI key or address leads every name to that provider, unless the file sets other models', () => {
    const { models } = read({ models: { 'gpt-4o': 'openai/other' } }, { OPENAI_API_KEY: 'k' })
    expect(models.providers.openai).toMatchObject({ base_url: 'https://api.openai.com/v1', api_key: 'k' })
    expect(models.models).toEqual({ 'gpt-4o': 'openai/other', '*': 'openai' })
  })

  test.each([
    [{ ANTHROPIC_API_KEY: 'k' }, 'anthropic', { type: 'anthropic', api_key: 'k' }],
    [{ GEMINI_API_KEY: 'k' }, 'google', { type: 'google', api_key: 'k' }],
    [{ GOOGLE_GENERATIVE_AI_API_KEY: 'k' }, 'google', { type: 'google', api_key: 'k' }],
    [
      { MISTRAL_API_KEY: 'k' },
      'mistral',
      { type: 'openai', base_url: 'https://api.mistral.ai/v1', api_key: 'k' },
    ],
    [
      { AZURE_OPENAI_ENDPOINT: 'https://mine.openai.azure.com/', AZURE_OPENAI_API_KEY: 'k' },
      'azure',
      { type: 'openai', base_url: 'https://mine.openai.azure.com/openai/v1', headers: { 'api-key': 'k' } },
    ],
    [
      { AWS_BEARER_TOKEN_BEDROCK: 'k', AWS_REGION: 'eu-west-1' },
      'bedrock',
      { type: 'bedrock', api_key: 'k', options: { region: 'eu-west-1' } },
    ],
  ])('%j alone leads every name to that provider', (variables, name, provider) => {
    const { models } = readVariables(variables)
    expect(models.providers).toEqual({ [name]: provider })
    expect(models.models['*']).toBe(name)
  })

  test("AWS's other variables, which many machines have, configure no provider without the package", () => {
    const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_REGION: 'eu-west-1' }
    expect(readVariables(keys).models.providers).toEqual({})
  })

  test('the banner names the provider of each variable, and never its key', () => {
    const variables = {
      OPENAI_API_KEY: 'hush',
      ANTHROPIC_API_KEY: 'hush',
      GEMINI_API_KEY: 'hush',
      MISTRAL_API_KEY: 'hush',
      AZURE_OPENAI_ENDPOINT: 'https://mine.openai.azure.com',
      AZURE_OPENAI_API_KEY: 'hush',
    }
    const { description } = openModels(readVariables(variables).models, () => undefined)
    for (const name of ['openai', 'anthropic', 'google', 'mistral', 'azure']) {
      expect(description).toContain(`${name} (`)
    }
    expect(description).not.toContain('hush')
  })

  test('with the variables of several providers the pattern of a name chooses the provider', () => {
    const variables = {
      OPENAI_API_KEY: 'a',
      ANTHROPIC_API_KEY: 'b',
      GEMINI_API_KEY: 'c',
      MISTRAL_API_KEY: 'd',
    }
    expect(readVariables(variables).models.models).toEqual({
      '*': 'openai',
      'claude-*': 'anthropic',
      'gemini-*': 'google',
      '*stral-*': 'mistral',
    })
    const own = { providers: { anthropic: local }, models: { '*': 'anthropic' } }
    expect(read(own, { ANTHROPIC_API_KEY: 'b' }).models.providers).toEqual({ anthropic: local })
  })

  test.each([
    ['localhost:11434/v1', 'http://localhost:11434/v1'],
    ['127.0.0.1:9312/v1', 'http://127.0.0.1:9312/v1'],
    ['models.example.com/v1', 'http://models.example.com/v1'],
  ])('OPENAI_BASE_URL=%s is refused and names the likely address', (url, guess) => {
    const message = `an address with http:// or https:// is needed, perhaps ${guess}.`
    expect(() => readVariables({ OPENAI_BASE_URL: url })).toThrow(
      `OPENAI_BASE_URL=${url} cannot be used: ${message}`,
    )
    expect(() => read({ providers: { mine: { ...local, base_url: url } } })).toThrow(
      `'providers.mine.base_url' cannot be used: ${message}`,
    )
  })

  test('an address without a path is used, with a hint', () => {
    expect(readVariables({ OPENAI_BASE_URL: 'http://127.0.0.1:11434' }).warnings).toEqual([
      'OPENAI_BASE_URL has no path: most servers answer at http://127.0.0.1:11434/v1.',
    ])
  })

  test('a single provider serves every model name, and with several a hint names those without models', () => {
    expect(read({ providers: { mine: local } })).toMatchObject({
      models: { models: { '*': 'mine' } },
      warnings: [],
    })
    expect(read({ providers: { mine: local }, models: { fast: 'mine/llama' } }).models.models).toEqual({
      fast: 'mine/llama',
    })
    const two = read({ providers: { mine: local, other: local }, models: { fast: 'other/llama' } })
    expect(two.models.models).toEqual({ fast: 'other/llama' })
    expect(two.warnings).toEqual([expect.stringContaining("No model name leads to the provider 'mine'")])
  })

  test.each([
    ['http://127.0.0.1:8080/v1', {}],
    ['http://localhost:8080/v1', {}],
    ['http://[::1]:8080/v1', { HOST: '0.0.0.0', SPOOL_API_KEY: 'k' }],
    ['http://127.0.0.1/v1', { PORT: '80' }],
    ['http://spool.internal:9000/v1', { HOST: 'spool.internal', PORT: '9000', SPOOL_API_KEY: 'k' }],
  ])(
    '%s as the address of a model is refused when it is the address of this server: %j',
    (url, environment) => {
      expect(() => readVariables({ OPENAI_BASE_URL: url, ...environment })).toThrow(
        `OPENAI_BASE_URL is ${url}, where this server listens itself`,
      )
    },
  )

  test('another port or another host is not the address of this server', () => {
    const other = { OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1' }
    expect(readVariables(other).models.providers).toHaveProperty('openai')
    expect(readVariables({ OPENAI_BASE_URL: `http://${hostname()}.example:8080/v1` }).port).toBe(8080)
  })

  test('the name demo leads to the demo model beside a provider only when that is enabled', () => {
    expect(read({ providers: { mine: local } }).models.providers).not.toHaveProperty('demo')
    expect(read({ providers: { mine: local } }, { SPOOL_DEMO_MODEL: '1' }).models).toMatchObject({
      providers: { demo: { type: 'demo' } },
      models: { '*': 'mine', demo: 'demo' },
    })
    expect(() => readVariables({ SPOOL_DEMO_MODEL: '0' })).toThrow('set OPENAI_API_KEY, ANTHROPIC_API_KEY')
  })
})
