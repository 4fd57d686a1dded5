/** Replaces models, keys and limits of a running server. Requests and runs at work keep the models they began with. */
import type { ReloadReport } from './api/server-info.ts'
import type { Config } from './config/config.ts'
import { mergeReloaded } from './config/reload.ts'
import { DatabaseUnavailable } from './database/database.ts'
import type { Context } from './domain/context.ts'
import type { Embedder } from './embedders/port.ts'
import type { Worker } from './engine/worker.ts'
import type { Rules } from './http/server.ts'
import type { Models } from './models/open.ts'
import type { ReplaceableModels } from './models/replaceable.ts'
import type { Retrieval } from './search/retrieval.ts'
import { describeError } from './util/describe-error.ts'
import type { Log } from './util/log.ts'

/** Settings that cannot be used; the message is the sentence that a start would end with. */
export class ReloadRefused extends Error {
  override readonly name = 'ReloadRefused'
}

/** What the settings of models describe. */
export interface OpenedModels extends Pick<Retrieval, 'embedder' | 'reranker'> {
  models: Models
}

interface Parts {
  log: Log
  readConfig?: () => Config
  /** Throws for settings that cannot work. */
  open: (config: Config) => Promise<OpenedModels>
  replace: ReplaceableModels['replace']
  retrieval: Retrieval
  context: Context
  worker: Worker | undefined
}

/** The HTTP server, as far as a reload needs it. */
interface Http {
  openAnswers: Set<Promise<void>>
  server: { maxConnections: number }
}

/** Lives as long as the server. */
export class Reloader {
  readonly #parts: Parts
  /** In force; a reload changes the values. */
  readonly rules: Rules
  #config: Config
  #http: Http | undefined
  #last: Promise<unknown> = Promise.resolve()
  #isEmbedderOld = false

  constructor(config: Config, parts: Parts) {
    this.#parts = parts
    this.#config = config
    this.rules = rulesOf(config)
  }

  /** The settings in force. */
  get config(): Config {
    return this.#config
  }

  /** Limits the connections of this server, and waits for its answers before models are closed. */
  follow(http: Http): void {
    this.#http = http
    http.server.maxConnections = this.#config.maxConnections
  }

  /** Reloads one after the other. Throws `ReloadRefused`. */
  reload(): Promise<ReloadReport> {
    const report = this.#last
      .then(() => this.#reload())
      .catch((error: unknown) => {
        if (error instanceof DatabaseUnavailable) throw error
        throw new ReloadRefused(describeError(error), { cause: error })
      })
    this.#last = report.catch(() => undefined)
    return report
  }

  async #reload(): Promise<ReloadReport> {
    const { log, readConfig } = this.#parts
    if (readConfig === undefined) throw new Error('This process cannot read its settings again.')
    const former = this.#config
    const { config, changed, needs_restart } = mergeReloaded(former, readConfig())
    const isForModels = config.models !== former.models || config.discovery !== former.discovery
    if (isForModels) await this.#replaceModels(config)
    if (this.#isEmbedderOld) needs_restart.push('default_embedder')
    this.#apply(config)
    const report = { changed: changed.filter((key) => !needs_restart.includes(key)), needs_restart }
    log('info', 'the settings were reloaded', report)
    for (const warning of config.warnings) log('warn', warning)
    return { object: 'server.reload', ...report }
  }

  #apply(config: Config): void {
    const { context, worker } = this.#parts
    const { runExpiresSeconds, runLogDays, traceDays, maxRuns, maxIngests } = config
    this.#config = config
    Object.assign(this.rules, rulesOf(config))
    Object.assign(context, { runExpiresSeconds, runLogDays, traceDays })
    context.runLimits.set(config)
    worker?.setLimits({ maxRuns, maxIngests })
    if (this.#http) this.#http.server.maxConnections = config.maxConnections
  }

  async #replaceModels(config: Config): Promise<void> {
    const { open, replace, retrieval, worker } = this.#parts
    const { models, embedder, reranker } = await open(config)
    const formerReranker = retrieval.reranker
    const unusedEmbedder = this.#chooseEmbedder(embedder)
    retrieval.reranker = reranker
    // What is at work now may still use the former ones.
    const unused = Promise.all([worker?.settled(), ...(this.#http?.openAnswers ?? [])])
      .then(() => formerReranker?.close())
      .then(() => unusedEmbedder.close())
    // An old embedder uses the connection of its provider until the end.
    replace(models, this.#isEmbedderOld ? new Promise(() => undefined) : unused)
  }

  /**
   * Takes the new embedder and returns the one that is not needed any more. The same local embedder keeps its loaded
   * weights. Another one waits for a restart: vector stores can be searched only with the embedder of their vectors.
   */
  #chooseEmbedder(next: Embedder): Embedder {
    const { retrieval } = this.#parts
    const former = retrieval.embedder
    this.#isEmbedderOld = next.id !== former.id
    if (this.#isEmbedderOld || former.isSlowToStart) return next
    retrieval.embedder = next
    return former
  }
}

function rulesOf(config: Config): Rules {
  const { keys, corsOrigins, strictBeta, maxFileBytes, allowAllDownloads, ...others } = config
  const { insecure, maxRequests, maxProjectRequests } = others
  return {
    keys,
    loopbackOnly: keys.size === 0 && !insecure,
    corsOrigins,
    strictBeta,
    maxFileBytes,
    allowAllDownloads,
    maxRequests,
    maxProjectRequests,
  }
}
