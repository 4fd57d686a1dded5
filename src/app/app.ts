/** Builds the application: opens what the configuration names, and closes it in reverse order. */
import { fileURLToPath } from 'node:url'
import { errors } from '../api/errors.ts'
import type { ReloadReport } from '../api/server-info.ts'
import { openBlobStore } from '../blobs/open.ts'
import type { BlobStore } from '../blobs/port.ts'
import type { Config } from '../config/config.ts'
import { readTls, type Tls } from '../config/tls.ts'
import { openDatabase, type OpenedDatabase } from '../database/open.ts'
import { AssistantCache } from '../domain/assistant-cache.ts'
import { checkBlobStore } from '../domain/blobs.ts'
import type { Context } from '../domain/context.ts'
import { toolFiles } from '../domain/files.ts'
import { RunLimits } from '../domain/run-limits.ts'
import { waitForVectorStores } from '../domain/vector-stores.ts'
import { builtInId, earlierIds } from '../embedders/built-in/built-in-embedder.ts'
import { Worker } from '../engine/worker.ts'
import { addressesOf, listenOn } from '../http/listen.ts'
import { openServer } from '../http/open-server.ts'
import { answersEnd } from '../http/open-answers.ts'
import { removeOldFolders } from '../ingest/read-file.ts'
import { beginReindex } from '../ingest/reindex.ts'
import type { Models } from '../models/open.ts'
import { replaceableModels, openReloader, ReloadRefused, type Reloader } from './reload.ts'
import { Slots } from '../runs/slots.ts'
import { Hints } from '../runs/hints.ts'
import { RunLog } from '../runs/run-log.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { openRetrieval } from '../search/open.ts'
import type { Retrieval } from '../search/retrieval.ts'
import { retireAllWorkers } from '../sql/leases.ts'
import { openTools } from '../tools/registry.ts'
import { sleep } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { newHexId } from '../util/ids.ts'
import type { Log } from '../util/log.ts'
import { openConfiguredModels, warnOfNamesWithoutRoute } from './open-models.ts'
import { readinessOf, type ReadinessParts } from './readiness.ts'
import { openServerInfo, placeOf } from './server-info.ts'

/** A stream that sends nothing for this long gets a comment. */
const keepAliveMs = 15_000

/** A server that stops takes requests for this long, until load balancers have seen that it is not ready. */
const noticeMs = 2000

export interface App {
  /** Without a path; undefined when this process does not answer requests. */
  url: string | undefined
  database: string
  models: Models
  retrieval: Retrieval
  /** Resolves when the database cannot be kept running. */
  lost: Promise<Error>
  /**
   * Reads the settings again and replaces models, keys and limits. Throws a sentence for settings that cannot be used;
   * those in force stay.
   */
  reload(): Promise<ReloadReport>
  /** Stops taking work, waits for runs up to the drain time, and closes everything. */
  close(): Promise<void>
}

export interface AppOptions {
  log: Log
  clock: Clock
  keepAliveMs?: number
  /** Whether stores of another embedder are about to be embedded again; otherwise they may decide which is used. */
  reindexes?: boolean
  /** Reads the settings for a reload. Absent: a reload is refused. */
  readConfig?: () => Config
}

/** What was opened so far, so that a start that fails half-way closes it again. */
type Closers = (() => Promise<unknown>)[]

export async function openApp(config: Config, options: AppOptions): Promise<App> {
  const closers: Closers = []
  try {
    return await open(config, options, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function open(config: Config, options: AppOptions, closers: Closers): Promise<App> {
  const { log, clock } = options
  // Before anything slow is started: the files may be wrong.
  const tls = config.tls && config.roles.has('api') ? readTls(config.tls) : undefined
  const database = await openConfiguredDatabase(config, log)
  closers.push(() => database.close())
  const { db } = database
  log('info', 'database started', { database: database.description })
  const blobs = await openBlobStore(config.blobs, { minFreeBytes: config.minFreeDiskBytes })
  closers.push(() => blobs.close())
  await checkBlobStore(db, blobs, placeOf(config.blobs))
  const { models: first, ...readers } = await openConfiguredModels(config, options, db)
  const { models, replace } = replaceableModels(first)
  closers.push(() => models.close())
  const retrieval = await openConfiguredRetrieval(config, { db, blobs, clock, log, ...readers }, closers)
  await warnOfNamesWithoutRoute(db, models, log)
  const sandbox = openSandbox({ ...config.sandbox, dataDir: config.dataDir, log })
  closers.push(() => sandbox.close())
  const hints = new Hints({ shared: !database.embedded })
  closers.push(() => hints.close())
  const context = contextOf(config, options, { database, blobs, hints, models, retrieval })
  if (config.roles.has('worker')) endSessionsOfDeletedThreads({ hints, sandbox, log })
  await hints.start(db, log)
  // The embedded database serves one process, so every worker that it knows has ended.
  if (database.embedded) await retireAllWorkers(db)
  const worker = config.roles.has('worker') ? openWorker(config, { context, models, sandbox }) : undefined
  closers.push(async () => worker?.drain(0))
  await worker?.start()
  const draining = new AbortController()
  const openModelsOf = (next: Config) => openConfiguredModels(next, options, db)
  const reloader = openReloader(config, { ...options, openModelsOf, replace, retrieval, context, worker })
  const parts = { context, models, database, sandbox, tls, draining: draining.signal, reloader }
  const http = config.roles.has('api') ? await listen(config, options, parts) : undefined
  if (http) log('info', 'listening', { url: http.url })
  if (worker) sandbox.start()
  const close = async () => {
    draining.abort()
    // Runs first: open streams show how they end. Those of a shared database may show runs of other processes.
    const drainMs = reloader.config().drainSeconds * 1000
    await Promise.all([worker?.drain(drainMs), database.embedded ? undefined : http?.drain(drainMs)])
    closers.pop()
    log('info', 'drained')
    context.runLog.close()
    await http?.close()
    await closeAll(closers)
  }
  let closing: Promise<void> | undefined
  return {
    url: http?.url,
    database: database.description,
    models,
    retrieval,
    lost: database.lost,
    reload: reloader.reload,
    close: () => (closing ??= close()),
  }
}

async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close()
}

function openConfiguredDatabase(config: Config, log: Log): Promise<OpenedDatabase> {
  return openDatabase({
    dataDir: config.dataDir,
    migrations: fileURLToPath(new URL('../database/migrations', import.meta.url)),
    poolSize: config.databasePool,
    timeoutMs: config.databaseTimeoutMs,
    log,
    ...(config.databaseUrl && { url: config.databaseUrl }),
  })
}

async function openConfiguredRetrieval(
  { searchMemoryBytes: memoryBytes, ocr }: Config,
  parts: Pick<Retrieval, 'db' | 'blobs' | 'clock' | 'log' | 'embedder' | 'reranker'>,
  closers: Closers,
): Promise<Retrieval> {
  const retrieval = openRetrieval({ ...parts, memoryBytes, ocr })
  closers.push(async () => {
    await retrieval.close()
    await retrieval.embedder.close()
    retrieval.reranker?.close()
  })
  await removeOldFolders()
  await moveStores(retrieval, parts.log)
  return retrieval
}

/** Stores that an earlier version's built-in embedder filled are found by words at once, and soon by meaning again. */
async function moveStores(retrieval: Retrieval, log: Log): Promise<void> {
  if (retrieval.embedder.id !== builtInId) return
  const stores = await beginReindex(retrieval, earlierIds)
  if (stores > 0) log('info', 'vector stores are moved to the new built-in embedder', { stores })
}

/** A deleted thread has no more use for its Python session, which this process may have. */
function endSessionsOfDeletedThreads({
  hints,
  sandbox,
  log,
}: Pick<Context, 'hints' | 'log'> & { sandbox: Sandbox }): void {
  hints.subscribe((hint) => {
    if (hint.kind !== 'session_end') return
    const { thread_id } = hint
    sandbox.end(thread_id).catch((error: unknown) => {
      log('warn', 'the Python session of a deleted thread could not be ended', { thread_id, error })
    })
  })
}

function contextOf(
  config: Config,
  { clock, log }: AppOptions,
  parts: { database: OpenedDatabase; blobs: BlobStore; hints: Hints; models: Models; retrieval: Retrieval },
): Context {
  const { database, blobs, hints, models, retrieval } = parts
  return {
    db: database.db,
    blobs,
    retrieval,
    clock,
    hints,
    runLog: new RunLog(database.db, hints),
    slots: new Slots(),
    assistants: new AssistantCache(hints),
    runLimits: new RunLimits(config),
    log,
    runExpiresSeconds: config.runExpiresSeconds,
    runLogDays: config.runLogDays,
    traceDays: config.traceDays,
    modelBehind: (name) => {
      const found = models.resolve(name)
      return found && `${found.provider}/${found.model}`
    },
  }
}

function openWorker(
  { maxRuns, maxIngests }: Config,
  { context, models, sandbox }: { context: Context; models: Models; sandbox: Sandbox },
): Worker {
  const id = newHexId('worker_')
  const files = toolFiles(context)
  const tools = openTools({
    db: context.db,
    files,
    retrieval: context.retrieval,
    waitForVectorStores: (row, stores, signal) => waitForVectorStores(context, row.project, stores, signal),
    sandbox,
    worker: id,
  })
  return new Worker({ id, context, models, tools, limits: { maxRuns, maxIngests } })
}

function refuseSettings(error: unknown): never {
  throw error instanceof ReloadRefused ? errors.settingsRefused(error.message) : error
}

async function listen(
  config: Config,
  options: AppOptions,
  {
    context,
    tls,
    reloader,
    ...parts
  }: Omit<ReadinessParts, 'folders' | 'minFreeDiskBytes'> & {
    context: Context
    tls: Tls | undefined
    reloader: Reloader
  },
): Promise<{ url: string; drain: (ms: number) => Promise<void>; close: () => Promise<void> }> {
  const { blobs, dataDir, minFreeDiskBytes } = config
  const folders = blobs.type === 'disk' ? [dataDir, blobs.folder] : [dataDir]
  const http = await openServer({
    context,
    models: parts.models,
    rules: reloader.rules,
    tls,
    bodyLimitBytes: config.bodyLimitBytes,
    requestTimeoutMs: config.requestTimeoutMs,
    keepAliveMs: options.keepAliveMs ?? keepAliveMs,
    readiness: readinessOf({ ...parts, folders, minFreeDiskBytes }),
    hasConsole: config.console,
    serverInfo: openServerInfo({ config: reloader.config, context, ...parts }),
    reload: () => reloader.reload().catch(refuseSettings),
    isDraining: () => parts.draining.aborted,
  })
  reloader.follow(http)
  const port = await listenOn(http, await addressesOf(config.host), config.port)
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const url = `${tls ? 'https' : 'http'}://${host}:${port}`
  const drain = async (ms: number) => {
    const notice = Math.min(noticeMs, ms)
    await sleep(notice)
    await answersEnd(http, ms - notice)
  }
  return { url, drain, close: () => http.close() }
}
