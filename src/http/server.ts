/** What the routes use; `app/app.ts` creates it once. */
import type { Readiness } from '../api/health.ts'
import type { ReloadReport, ServerInfo } from '../api/server-info.ts'
import type { Context } from '../domain/context.ts'
import type { Models } from '../models/open.ts'

/** Keys, origins and limits. A reload replaces the values, so they are read for each request. */
export interface Rules {
  /** Key -> project; empty when any key is accepted. */
  keys: ReadonlyMap<string, string>
  /** Answer loopback Host and Origin headers only. */
  loopbackOnly: boolean
  corsOrigins: readonly string[]
  /** Whether `OpenAI-Beta: assistants=v2` is required. */
  strictBeta: boolean
  /** Largest file in one request. */
  maxFileBytes: number
  /** Whether files of every purpose may be downloaded. */
  allowAllDownloads: boolean
  /** Requests in progress at once, streams that have begun not counted: of all projects, and of each. */
  maxRequests: number
  maxProjectRequests: number
}

export interface ServerOptions {
  context: Context
  models: Models
  rules: Rules
  /** Certificate and key in PEM form; undefined: plain http. */
  tls: { cert: string; key: string } | undefined
  bodyLimitBytes: number
  /** How long headers and body of a request may take to arrive; uploads only have to make progress. */
  requestTimeoutMs: number
  /** A stream that has sent nothing for this long sends a comment, ms. */
  keepAliveMs: number
  readiness: () => Promise<Readiness>
  /** Whether the console is served. */
  hasConsole: boolean
  /** Describes the server for a key of this project. */
  serverInfo: (project: string) => Promise<ServerInfo>
  /** Reads the settings again. Throws for settings that cannot be used; those in force stay. */
  reload: () => Promise<ReloadReport>
  /** Whether the server stops: it still answers, and asks clients to use another connection. */
  isDraining: () => boolean
}

export interface Server extends ServerOptions {
  /** The OpenAPI document as JSON. */
  openApi: () => string
  /** The page at `/` as HTML. */
  homePage: () => string
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Each resolves when an answer has been sent to its end. */
    openAnswers: Set<Promise<void>>
  }
  interface FastifyRequest {
    /** Empty until the key is known to be right. */
    project: string
    /** When the request arrived; monotonic, ms. */
    startedMs: number
  }
}
