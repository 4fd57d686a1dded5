/** A complete server in the process of the test: real HTTP, its own database, a scripted model, a test clock. */
import { join } from 'node:path'
import OpenAI from 'openai'
import { openApp, type App } from '../../src/app/app.ts'
import type { ApiError } from '../../src/api/errors.ts'
import type { Config } from '../../src/config/config.ts'
import { Settings } from '../../src/config/settings.ts'
import type { ModelSettings } from '../../src/models/settings.ts'
import type { Retrieval } from '../../src/search/retrieval.ts'
import type { Database } from '../../src/database/database.ts'
import type { Log } from '../../src/util/log.ts'
import { testClock, type TestClock } from './clock.ts'
import { testDatabase } from './database.ts'
import { makeDataDir } from './data-dir.ts'
import { scriptedModel, type ScriptedModel } from './scripted-model.ts'
import { readStream, requestStream, type SentEvent } from './read-stream.ts'

export interface Answer {
  status: number
  headers: Headers
  body: any
}

export interface TestServer {
  /** With `/v1`. */
  url: string
  openai: OpenAI
  model: ScriptedModel
  /** For other processes on the same database and the same files. */
  databaseUrl: string
  config: Config
  dataDir: string
  clock: TestClock
  db: Database
  retrieval: Retrieval
  /** Warnings and errors in the log. `close` fails when some are left: a test removes those that it expects. */
  complaints: { message: string; fields: object }[]
  /** From now on complaints whose message matches may come at any time, also while the server closes. */
  allowComplaints(pattern: RegExp): void
  /** All log lines, debug lines too. */
  logLines: { level: string; message: string; fields: Record<string, unknown> }[]
  /** A plain request with key and beta header; `headers` replace them, null leaves one out. */
  request(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string | null>,
  ): Promise<Answer>
  /** Sends a POST request and reads its stream to the end. */
  stream(path: string, body: object): Promise<SentEvent[]>
  /** A second server in this process, on the same database. */
  sibling(config?: Partial<Config>): Promise<App & { openai: OpenAI }>
  /** Closes everything. Fails for runs that still have an owner, complaints, and model steps that were not used. */
  close(): Promise<void>
}

export interface TestServerOptions {
  config?: Partial<Config>
  /** Default: every name leads to the scripted model. */
  models?: ModelSettings
  /** Embeddings come from the scripted model's server; texts that share words get similar vectors. */
  scriptedEmbedder?: boolean
  /** How often a call of the scripted model is retried; the server's default when absent. */
  maxRetries?: number
  keepAliveMs?: number
}

const key = 'test-key'

export async function testServer(options: TestServerOptions = {}): Promise<TestServer> {
  const clock = testClock()
  const [database, model] = await Promise.all([testDatabase(), scriptedModel()])
  const { db, url: databaseUrl } = database
  const complaints: TestServer['complaints'] = []
  const logLines: TestServer['logLines'] = []
  const allowed: RegExp[] = []
  const log: Log = (level, message, fields = {}) => {
    logLines.push({ level, message, fields: fields as Record<string, unknown> })
    const isProblem = level === 'warn' || level === 'error'
    if (isProblem && !allowed.some((pattern) => pattern.test(message))) complaints.push({ message, fields })
  }
  const data = makeDataDir()
  const config = (): Config => ({
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    dataDir: data.path,
    databaseUrl,
    databasePool: 8,
    databaseTimeoutMs: 60_000,
    roles: new Set(['api', 'worker']),
    keys: new Map(),
    insecure: false,
    corsOrigins: [],
    runExpiresSeconds: 600,
    drainSeconds: 0,
    runLogDays: 30,
    traceDays: 7,
    console: false,
    settings: Settings.parse({}),
    maxRuns: 64,
    maxQueuedRuns: 10_000,
    maxProjectRuns: 10_000,
    maxIngests: 2,
    searchMemoryBytes: 64 * 1024 * 1024,
    bodyLimitBytes: 4 * 1024 * 1024,
    requestTimeoutMs: 60_000,
    maxConnections: 1000,
    maxRequests: 1000,
    maxProjectRequests: 1000,
    strictBeta: true,
    blobs: { type: 'disk', folder: join(data.path, 'blobs') },
    maxFileBytes: 512 * 1024 * 1024,
    minFreeDiskBytes: 0,
    allowAllDownloads: false,
    ocr: undefined,
    sandbox: { choice: 'off', pythonPath: undefined, downloads: false },
    logLevel: 'info',
    discovery: false,
    modelSource: undefined,
    downloads: false,
    startedByNpm: false,
    warnings: [],
    pullKeys: {},
    models: options.models ?? scriptedModels(model.url, options),
    ...options.config,
  })
  const parts = {
    log,
    clock,
    readConfig: config,
    ...(options.keepAliveMs !== undefined && { keepAliveMs: options.keepAliveMs }),
  }
  const app = await openApp(config(), parts)
  const siblings: App[] = []
  const url = `${app.url}/v1`
  const openai = new OpenAI({ baseURL: url, apiKey: key, maxRetries: 0 })
  return {
    url,
    openai,
    model,
    databaseUrl,
    config: config(),
    dataDir: data.path,
    clock,
    db,
    retrieval: app.retrieval,
    complaints,
    allowComplaints: (pattern) => void allowed.push(pattern),
    logLines,
    request: (method, path, body, headers = {}) => request(url, { method, path, body, headers }),
    async stream(path, body) {
      const response = await requestStream(url + path, body)
      if (!response.ok) throw new Error(`expected a stream, got ${response.status}: ${await response.text()}`)
      return readStream(response)
    },
    async sibling(more = {}) {
      const other = await openApp({ ...config(), ...more }, parts)
      siblings.push(other)
      return { ...other, openai: new OpenAI({ baseURL: `${other.url}/v1`, apiKey: key, maxRetries: 0 }) }
    },
    async close() {
      for (const other of siblings) await other.close()
      await app.close()
      const leased = await db.query<{ id: string; status: string }>({
        text: `select id, status from runs where lease_owner is not null
               and status in ('queued', 'in_progress', 'cancelling')`,
      })
      await database.drop()
      await model.close()
      await data.remove()
      if (leased.length > 0) throw new Error(`runs still have an owner: ${JSON.stringify(leased)}`)
      if (complaints.length > 0) throw new Error(`unexpected complaints: ${complaintText(complaints)}`)
      model.verify()
    },
  }
}

function scriptedModels(url: string, { maxRetries, scriptedEmbedder }: TestServerOptions): ModelSettings {
  const retries = maxRetries === undefined ? {} : { max_retries: maxRetries }
  const scripted = { type: 'openai' as const, base_url: url, api_key: 'upstream-key', ...retries }
  const models = { '*': 'scripted' }
  if (!scriptedEmbedder) return { providers: { scripted }, models }
  const embedders = { words: { dimensions: 64 } }
  return {
    providers: { scripted: { ...scripted, embedders } },
    models,
    default_embedder: 'scripted/words',
  }
}

function complaintText(complaints: TestServer['complaints']): string {
  return complaints
    .map(({ message, fields }) => {
      const { error } = fields as { error?: unknown }
      return `${message} ${JSON.stringify(fields)} ${error instanceof Error ? error.stack : ''}`
    })
    .join('\n')
}

function requestHeaders(headers: Record<string, string | null>): Record<string, string> {
  const all = { authorization: `Bearer ${key}`, 'openai-beta': 'assistants=v2', ...headers }
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
  )
}

async function request(
  url: string,
  asked: { method: string; path: string; body: unknown; headers: Record<string, string | null> },
): Promise<Answer> {
  const { method, path, body, headers } = asked
  const isText = typeof body === 'string'
  const response = await fetch(url + path, {
    method,
    headers: requestHeaders(
      body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    ),
    ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  return {
    status: response.status,
    headers: response.headers,
    body: type.includes('application/json') ? JSON.parse(text) : text,
  }
}

/** What an error of the catalogue looks like on the wire. */
export function wireError(error: ApiError): { status: number; body: object } {
  return { status: error.status, body: error.toBody() }
}
