/** The HTTP server: what every request passes through, and the routes. */
import type { ServerOptions as ServerOptionsOfNode } from 'node:http'
import cors from '@fastify/cors'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import { newHexId } from '../util/ids.ts'
import { limitArrival, limitConnections, limitRequests } from './limits.ts'
import { authenticate, checkBeta, needsBeta } from './auth.ts'
import { isAzure, takeDeploymentAsModel, withoutAzurePath } from './azure.ts'
import { consoleRoutes, findConsole } from './console.ts'
import { answerError } from './errors.ts'
import { acceptForms } from './forms.ts'
import { addHeaders, firstHeaders } from './headers.ts'
import { homePage } from './home.ts'
import { addIdempotency } from './idempotency.ts'
import { acceptJson } from './json-body.ts'
import { trackAnswers } from './open-answers.ts'
import { openApiDocument } from './openapi.ts'
import { checkOrigin, corsOptions } from './cors.ts'
import { answerPlainHttp, answerUnreadable, requireHost, requirePath } from './unreadable.ts'
import { registerRoutes } from './register-routes.ts'
import { logWhenAnswered } from './request-log.ts'
import { routes } from './routes.ts'
import { streamRun } from './runs.ts'
import type { Server, ServerOptions } from './server.ts'

/** An id in a path that is longer than any of ours is still answered with not found. */
const maxParamLength = 2000

export async function openServer(options: ServerOptions): Promise<FastifyInstance> {
  const http = Fastify({
    logger: false,
    bodyLimit: options.bodyLimitBytes,
    rewriteUrl: ({ url = '/' }) => withoutAzurePath(url),
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength },
    genReqId: () => newHexId('req_'),
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    ...nodeServer(options),
    clientErrorHandler: answerUnreadable,
    // A path that cannot be decoded, or that has a longer id, reaches no hook and no route.
    frameworkErrors: (_error, request, reply) => {
      const error = errors.invalidUrl(request.method, pathOf(request))
      logWhenAnswered(options.context.log, request, reply)
      void reply.headers(firstHeaders(request))
      answerError(options.context.log, error, request, reply)
    },
  })
  let document: string | undefined
  const server: Server = {
    ...options,
    hasConsole: options.hasConsole && findConsole() !== undefined,
    openApi: () => (document ??= JSON.stringify(openApiDocument(routes))),
    homePage: () => homePage(routes),
  }
  http.decorateRequest('project', '')
  http.decorateRequest('startedMs', 0)
  addHooks(http, server)
  await http.register(cors, corsOptions(options.rules))
  const isApi = ({ path }: { path: string }) => path.startsWith('/v1/')
  const others = routes.filter((route) => !isApi(route))
  registerRoutes(http, server, others)
  consoleRoutes(http, server)
  await http.register(async (v1) => addApi(v1, server, routes.filter(isApi)), { prefix: '/v1' })
  return http
}

/** Operations are checked by their own schemas. Without this Fastify loads the compilers of its schemas: 4 MiB. */
function noSchemas(): never {
  throw new Error('a route has a schema of Fastify')
}

/** Options of Node's own server. Fastify has different types for http and https; here a setting decides between them. */
function nodeServer({ tls, requestTimeoutMs }: ServerOptions): { http: ServerOptionsOfNode } {
  const common = {
    requireHostHeader: false,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(30_000, requestTimeoutMs),
  }
  return tls ? ({ https: { ...common, ...tls } } as never) : { http: common }
}

/** What every request passes through, in this order. */
function addHooks(http: FastifyInstance, server: Server): void {
  // Must come first: an error in anything registered earlier would be answered with Fastify's own text.
  answerFailures(http, server)
  acceptJson(http)
  http.addHook('onRequest', async (request, reply) => logWhenAnswered(server.context.log, request, reply))
  addHeaders(http)
  limitArrival(http, server.requestTimeoutMs)
  limitConnections(http, server.context.log)
  http.addHook('onRequest', async (request) => {
    requireHost(request)
    requirePath(request)
  })
  // When the base URL of a provider is this server, each request would cause another one.
  http.addHook('onRequest', async ({ headers }) => {
    const hop = headers['x-spool-hop']
    if (hop !== undefined && hop === server.models.hop) throw errors.requestLoop()
  })
  // An unknown `Expect` header is ignored: the request is answered as usual.
  http.server.on('checkExpectation', (request, response) => http.server.emit('request', request, response))
  if (server.tls) answerPlainHttp(http.server, server.requestTimeoutMs)
  trackAnswers(http)
  http.addHook('onSend', async (_request, reply) => {
    if (server.isDraining()) void reply.header('connection', 'close')
  })
  http.addHook('onRequest', async (request) => checkOrigin(request, server.rules))
}

/** The operations that require a key. Those with a form read their bodies themselves. */
async function addApi(http: FastifyInstance, server: Server, api: typeof routes): Promise<void> {
  http.addHook('onRequest', async (request) => {
    request.project = authenticate(request, server.rules.keys)
    if (needsBeta(request.routeOptions.url ?? '')) {
      checkBeta(request.headers['openai-beta'], {
        isRequired: server.rules.strictBeta && !isAzure(request),
      })
    }
  })
  limitRequests(http, server.rules)
  takeDeploymentAsModel(http)
  addIdempotency(http, server, (reply, stream) => streamRun(server, reply, stream))
  const withJson = api.filter(({ form }) => form === undefined)
  const withForm = api.filter(({ form }) => form !== undefined)
  registerRoutes(http, server, withJson)
  await http.register(async (forms) => {
    await acceptForms(forms)
    registerRoutes(forms, server, withForm)
  })
}

/** As the client wrote it. */
function pathOf({ originalUrl }: FastifyRequest): string {
  return originalUrl.split('?')[0] ?? originalUrl
}

function answerFailures(http: FastifyInstance, { context }: Server): void {
  http.setErrorHandler((error, request, reply) => answerError(context.log, error, request, reply))
  http.setNotFoundHandler((request, reply) => {
    const path = pathOf(request)
    const url = withoutAzurePath(path)
    const isKnown = ['GET', 'POST', 'DELETE'].some((method) => http.findRoute({ method, url }) !== null)
    const error = isKnown
      ? errors.methodNotAllowed(request.method, path)
      : errors.invalidUrl(request.method, path)
    answerError(context.log, error, request, reply)
  })
}
