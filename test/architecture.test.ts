import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/** Who may import whom: each room lists the rooms below it that it may open. */
const allowed: Record<string, string[]> = {
  main: ['*'],
  compose: ['*'],
  app: ['*'],
  banner: ['compose', 'app', 'config'],
  reindex: ['compose', 'app', 'config', 'retrieval', 'ingest', 'util'],
  logger: ['util'],
  config: ['models', 'blobs', 'util', 'api'],
  http: [
    'api',
    'domain',
    'events',
    'runs',
    'retrieval',
    'search',
    'store',
    'sql',
    'database',
    'blobs',
    'util',
  ],
  engine: [
    'api',
    'domain',
    'events',
    'runs',
    'retrieval',
    'ingest',
    'search',
    'tools',
    'models',
    'store',
    'sql',
    'database',
    'util',
  ],
  domain: ['api', 'events', 'runs', 'retrieval', 'search', 'blobs', 'store', 'sql', 'database', 'util'],
  tools: [
    'api',
    'sandbox',
    'retrieval',
    'search',
    'models',
    'blobs',
    'store',
    'sql',
    'database',
    'events',
    'runs',
    'util',
  ],
  retrieval: [
    'api',
    'models',
    'embedders',
    'documents',
    'ingest',
    'search',
    'store',
    'sql',
    'database',
    'blobs',
    'util',
  ],
  ingest: ['api', 'runs', 'search', 'documents', 'models', 'embedders', 'blobs', 'sql', 'database', 'util'],
  search: ['api', 'documents', 'models', 'embedders', 'blobs', 'sql', 'database', 'util'],
  documents: ['util'],
  events: ['api', 'store', 'sql', 'database', 'util'],
  runs: ['api', 'sql', 'database', 'util'],
  models: ['api', 'embedders', 'util'],
  embedders: ['models', 'util'],
  sandbox: ['api', 'util'],
  blobs: ['api', 'util'],
  store: ['api', 'sql', 'database', 'embedded-postgres', 'util'],
  sql: ['api', 'store', 'database', 'util'],
  database: ['store', 'embedded-postgres', 'util'],
  'embedded-postgres': ['store', 'database', 'util'],
  api: ['util'],
  util: [],
}

/** The three routes that pass a request on to a model without a run, and what they share. */
const mayImportModels = [
  'http/models.ts',
  'http/chat-completions.ts',
  'http/embeddings.ts',
  'http/pass-through.ts',
  'http/server.ts',
]

/** Packages that belong to one room. */
const owners: Record<string, string> = {
  fastify: 'http',
  '@fastify/cors': 'http',
  '@fastify/multipart': 'http',
  aws4fetch: 'blobs',
  'eventsource-parser': 'models',
  'node-llama-cpp': 'models',
}

const source = resolve(import.meta.dirname, '../src')

interface Import {
  file: string
  room: string
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
    return [...found].map(([, target]) => ({ file, room: roomOf(file), target: target ?? '' }))
  })
}

function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : file.replace(/\.ts$/, '')
}

test('imports go down the house only', () => {
  const wrong = imports()
    .filter(({ target }) => target.startsWith('.'))
    .filter(({ file, room, target }) => {
      const goal = roomOf(relative(source, resolve(dirname(join(source, file)), target)))
      if (goal === room || allowed[room]?.includes('*')) return false
      if (goal === 'models' && mayImportModels.includes(file)) return false
      return !allowed[room]?.includes(goal)
    })
  expect(wrong.map(({ file, target }) => `${file} -> ${target}`)).toEqual([])
})

test('a package with an owner is used in its room only', () => {
  const wrong = imports().filter(({ room, target }) => {
    const owner = owners[target]
    return owner !== undefined && room !== owner && room !== 'main' && room !== 'compose' && room !== 'app'
  })
  expect(wrong.map(({ file, target }) => `${file} -> ${target}`)).toEqual([])
})

test('a port is at most 100 lines', () => {
  const ports = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('port.ts'),
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
