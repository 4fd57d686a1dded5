/** Puts the house together: opens every room that the configuration asks for and closes them in order. */
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Readiness } from './api/health.ts'
import { openBlobStore } from './blobs/open.ts'
import type { BlobStore } from './blobs/port.ts'
import type { Config } from './config/config.ts'
import { checkBlobStore } from './domain/collect-blobs.ts'
import type { Context } from './domain/context.ts'
import { storesReady } from './domain/stores-ready.ts'
import { toolFiles } from './domain/tool-files.ts'
import { Worker } from './engine/worker.ts'
import { Handoff } from './runs/handoff.ts'
import { Hints } from './runs/hints.ts'
import { RunLog } from './runs/run-log.ts'
import { openServer } from './http/app.ts'
import { answersEnd } from './http/open-answers.ts'
import { openEmbedder } from './embedders/open.ts'
import { openModels, type Models } from './models/open.ts'
import { sweepLeftovers } from './ingest/cut-into-chunks.ts'
import { openRetrieval } from './search/open.ts'
import type { Retrieval } from './search/retrieval.ts'
import { retireAllWorkers } from './sql/leases.ts'
import { openDatabase, type OpenedDatabase } from './database/open.ts'
import { openSandbox, type Sandbox } from './sandbox/sandbox.ts'
import { openTools } from './tools/registry.ts'
import type { Clock } from './util/clock.ts'
import { newHexId } from './util/ids.ts'
import type { Log } from './util/log.ts'

/** A stream that says nothing for this long gets a comment. */
const keepAliveMs = 15_000

export interface House {
  /** Without a path; undefined when this process does not answer requests. */
  url: string | undefined
  database: string
  models: Models
  retrieval: Retrieval
  /** Resolves when the database is gone for good. */
  lost: Promise<Error>
  /** Finishes what is being worked on, for a while, and closes everything. */
  close(): Promise<void>
}

interface Parts {
  log: Log
  clock: Clock
  keepAliveMs?: number
}

export async function openHouse(config: Config, parts: Parts): Promise<House> {
  const database = await openDatabase({
    dataDir: config.dataDir,
    migrations: fileURLToPath(new URL('database/migrations', import.meta.url)),
    poolSize: config.databasePool,
    timeoutMs: config.databaseTimeoutMs,
    log: parts.log,
    ...(config.databaseUrl && { url: config.databaseUrl }),
  })
  let blobs: BlobStore | undefined
  try {
    blobs = await openBlobStore(config.blobs)
    await checkBlobStore(database.db, blobs, blobPlace(config))
    return await furnish(config, parts, { database, blobs })
  } catch (error) {
    await blobs?.close()
    await database.close()
    throw error
  }
}

function blobPlace({ blobs }: Config): string {
  return blobs.type === 'disk' ? blobs.folder : `${blobs.bucket} at ${blobs.endpoint}`
}

async function furnish(
  config: Config,
  parts: Parts,
  { database, blobs }: { database: OpenedDatabase; blobs: BlobStore },
): Promise<House> {
  const { db } = database
  const { log, clock } = parts
  const models = openModels(config.models, log)
  const hints = new Hints({ shared: !database.embedded })
  const runLog = new RunLog(db, hints)
  const search = await openSearch(config, { db, blobs, clock, log, models })
  const context: Context = {
    db,
    blobs,
    retrieval: search.retrieval,
    clock,
    hints,
    runLog,
    handoff: new Handoff(),
    log,
    runExpiresSeconds: config.runExpiresSeconds,
    runLogDays: config.runLogDays,
    modelBehind: (name) => behind(models, name),
  }
  const sandbox = openSandbox({ ...config.sandbox, dataDir: config.dataDir, log })
  await hints.start(db)
  if (database.embedded) await retireAllWorkers(db)
  const worker = config.roles.has('worker') ? openWorker(config, { context, models, sandbox }) : undefined
  await worker?.start()
  const draining = new AbortController()
  const http = config.roles.has('api')
    ? await listen(config, parts, { context, models, database, sandbox, draining: draining.signal })
    : undefined
  if (worker) sandbox.start()
  const shutDown = async () => {
    draining.abort()
    // Runs first: streams that are open show their end. Those of a shared database may show runs of other processes.
    const drainMs = config.drainSeconds * 1000
    await Promise.all([worker?.drain(drainMs), database.embedded ? undefined : http?.drain(drainMs)])
    runLog.close()
    await http?.close()
    await hints.close()
    await sandbox.close()
    await search.close()
    await models.close()
    await blobs.close()
    await database.close()
  }
  let closing: Promise<void> | undefined
  return {
    url: http?.url,
    database: database.description,
    models,
    retrieval: context.retrieval,
    lost: database.lost,
    close: () => (closing ??= shutDown()),
  }
}

/** Search with its embedder; closing it closes both. */
async function openSearch(
  { searchMemoryBytes: memoryBytes, models: settings }: Config,
  parts: Pick<Context, 'db' | 'blobs' | 'clock' | 'log'> & { models: Models },
): Promise<{ retrieval: Retrieval; close: () => Promise<void> }> {
  const { models, ...others } = parts
  await sweepLeftovers()
  const embedder = openEmbedder(settings, (provider) => models.server(provider))
  const retrieval = openRetrieval({ ...others, embedder, memoryBytes })
  return {
    retrieval,
    close: async () => {
      await retrieval.close()
      await embedder.close()
    },
  }
}

function behind(models: Models, name: string): string | undefined {
  const found = models.resolve(name)
  return found && `${found.provider}/${found.model}`
}

function openWorker(
  { maxRuns, maxIngests }: Config,
  { context, models, sandbox }: Pick<Rooms, 'context' | 'models' | 'sandbox'>,
): Worker {
  const id = newHexId('worker_')
  const files = toolFiles(context)
  const tools = openTools({
    db: context.db,
    files,
    retrieval: context.retrieval,
    storesReady: (row, stores, signal) => storesReady(context, row.project, stores, signal),
    sandbox,
    worker: id,
  })
  return new Worker({ id, context, models, tools, maxRuns, maxIngests })
}

interface Rooms {
  context: Context
  models: Models
  database: OpenedDatabase
  sandbox: Sandbox
  /** Aborts when the process begins to stop. */
  draining: AbortSignal
}

async function listen(
  config: Config,
  parts: Parts,
  rooms: Rooms,
): Promise<{ url: string; drain: (ms: number) => Promise<void>; close: () => Promise<void> }> {
  const { context, models } = rooms
  const http = await openServer({
    context,
    models,
    keys: config.keys,
    loopbackOnly: config.keys.size === 0 && !config.insecure,
    corsOrigins: config.corsOrigins,
    strictBeta: config.strictBeta,
    maxFileBytes: config.maxFileBytes,
    allowAllDownloads: config.allowAllDownloads,
    bodyLimitBytes: config.bodyLimitBytes,
    keepAliveMs: parts.keepAliveMs ?? keepAliveMs,
    readiness: () => readiness(rooms),
    isDraining: () => rooms.draining.aborted,
  })
  await http.listen({ host: config.host, port: config.port })
  const { port } = http.server.address() as AddressInfo
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  return {
    url: `http://${host}:${port}`,
    drain: (ms) => answersEnd(http, ms),
    close: () => http.close(),
  }
}

async function readiness({ context, models, database, sandbox, draining }: Rooms): Promise<Readiness> {
  const isUp = await context.db.query({ text: 'select 1' }).then(
    () => true,
    () => false,
  )
  return {
    ready: isUp && !draining.aborted,
    database: { status: isUp ? 'up' : 'down', description: database.description },
    model: { description: models.description, demo: models.isDemo },
    sandbox: sandbox.describe(),
  }
}
