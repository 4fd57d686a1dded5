/** Replaces models, keys and limits of a running server. Requests and runs in progress keep their models. */
import type { ReloadReport } from '../api/server-info.ts'
import type { Config } from '../config/config.ts'
import { mergeReloaded } from '../config/reload.ts'
import { DatabaseUnavailable } from '../database/database.ts'
import type { Context } from '../domain/context.ts'
import type { Worker } from '../engine/worker.ts'
import type { Rules } from '../http/server.ts'
import type { Models } from '../models/open.ts'
import type { Retrieval } from '../search/retrieval.ts'
import { describeError } from '../util/describe-error.ts'
import type { Log } from '../util/log.ts'

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
  openModelsOf(config: Config): Promise<OpenedModels>
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

export interface Reloader {
  /** The settings in force. */
  config: () => Config
  /** In force; a reload changes their values. */
  rules: Rules
  /** One after the other. Throws `ReloadRefused`. */
  reload: () => Promise<ReloadReport>
  /** Limits the connections of this server, and waits for its answers before models are closed. */
  follow: (http: Http) => void
}

export function openReloader(first: Config, parts: Parts): Reloader {
  const { log, readConfig, retrieval, worker } = parts
  const rules = rulesOf(first)
  let config = first
  let http: Http | undefined
  let last: Promise<unknown> = Promise.resolve()
  let isEmbedderOld = false

  async function reload(): Promise<ReloadReport> {
    if (readConfig === undefined) throw new Error('This process cannot read its settings again.')
    const { config: next, changed, needs_restart } = mergeReloaded(config, readConfig())
    const isForModels = next.models !== config.models || next.discovery !== config.discovery
    if (isForModels) await replaceModels(next)
    if (isEmbedderOld) needs_restart.push('default_embedder')
    config = next
    Object.assign(rules, rulesOf(next))
    applyLimits(next, parts)
    if (http) http.server.maxConnections = next.maxConnections
    const report = { changed: changed.filter((key) => !needs_restart.includes(key)), needs_restart }
    log('info', 'the settings were reloaded', report)
    for (const warning of next.warnings) log('warn', warning)
    return { object: 'server.reload', ...report }
  }

  /** Another embedder waits for a restart: files are being embedded, and vector stores need the one of their vectors. */
  async function replaceModels(next: Config): Promise<void> {
    const { models, embedder, reranker } = await parts.openModelsOf(next)
    const { embedder: former, reranker: formerReranker } = retrieval
    retrieval.reranker = reranker
    // Requests, runs and files in progress may still use the former ones.
    const unused = Promise.all([worker?.settled(), ...(http?.openAnswers ?? [])])
    void unused.then(() => formerReranker?.close())
    isEmbedderOld = embedder.id !== former.id
    if (isEmbedderOld) {
      await embedder.close()
      // The embedder that stays uses the connection of its provider until the end.
      return parts.replace(models, new Promise(() => undefined))
    }
    retrieval.embedder = embedder
    parts.replace(
      models,
      unused.then(() => former.close()),
    )
  }

  return {
    config: () => config,
    rules,
    reload() {
      const report = last.then(reload).catch((error: unknown) => {
        if (error instanceof DatabaseUnavailable) throw error
        throw new ReloadRefused(describeError(error), { cause: error })
      })
      last = report.catch(() => undefined)
      return report
    },
    follow(server) {
      http = server
      server.server.maxConnections = config.maxConnections
    },
  }
}

function applyLimits(config: Config, { context, worker }: Pick<Parts, 'context' | 'worker'>): void {
  const { runExpiresSeconds, runLogDays, traceDays, maxRuns, maxIngests } = config
  Object.assign(context, { runExpiresSeconds, runLogDays, traceDays })
  context.runLimits.setLimits(config)
  worker?.setLimits({ maxRuns, maxIngests })
}

function rulesOf(config: Config): Rules {
  const { keys, insecure, corsOrigins, strictBeta, maxFileBytes, allowAllDownloads } = config
  const { maxRequests, maxProjectRequests } = config
  const limits = { maxFileBytes, maxRequests, maxProjectRequests }
  return {
    keys,
    loopbackOnly: keys.size === 0 && !insecure,
    corsOrigins,
    strictBeta,
    allowAllDownloads,
    ...limits,
  }
}

/** Models that can be replaced while they are in use. */
interface ReplaceableModels {
  /** Each call uses the newest models. `close` closes the replaced ones too. */
  models: Models
  /** The replaced models are closed when `unused` resolves: until then, requests and runs may use them. */
  replace: (next: Models, unused: Promise<unknown>) => void
}

export function replaceableModels(first: Models): ReplaceableModels {
  let current = first
  const replaced = new Set<Models>()
  const close = async () => {
    await Promise.all([...replaced, current].map((models) => models.close()))
  }
  return {
    models: new Proxy(first, {
      get: (_first, name) => (name === 'close' ? close : (Reflect.get(current, name) as unknown)),
    }),
    replace(next, unused) {
      const former = current
      current = next
      replaced.add(former)
      void unused.then(async () => {
        if (replaced.delete(former)) await former.close()
      })
    },
  }
}
