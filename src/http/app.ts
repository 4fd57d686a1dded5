/** The HTTP floor: what every request goes through, and the routes. */
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { isUtf8 } from 'node:buffer'
import { errors } from '../api/errors.ts'
import { newHexId } from '../util/ids.ts'
import { authenticate, checkBeta, needsBeta } from './auth.ts'
import { docsRoutes } from './docs.ts'
import { createFileRoute, fileRoutes } from './files.ts'
import { acceptForms } from './forms.ts'
import { answerError } from './errors.ts'
import { addHeaders, firstHeaders } from './headers.ts'
import { healthRoutes } from './health.ts'
import { checkLoopback, isLoopbackOrigin } from './loopback.ts'
import { trackAnswers } from './open-answers.ts'
import { registerRoutes } from './register-routes.ts'
import { routes } from './routes.ts'
import { safeRetries } from './retries.ts'
import { streamRun } from './runs.ts'
import type { Server, ServerOptions } from './server.ts'
import { answerUnreadable, requireHost } from './unreadable.ts'
import { addPartRoute, uploadRoutes } from './uploads.ts'

/** Ids in paths are the client's: longer ones than any of ours are still answered as not found. */
const maxParamLength = 2000

export async function openServer(options: ServerOptions): Promise<FastifyInstance> {
  const http = Fastify({
    logger: false,
    bodyLimit: options.bodyLimitBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength },
    genReqId: () => newHexId('req_'),
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    http: { requireHostHeader: false },
    clientErrorHandler: answerUnreadable,
    // Paths that cannot be decoded, or hold an id beyond any length, get past no hook and to no route.
    frameworkErrors: (_error, request, reply) => {
      const error = errors.invalidUrl(request.method, pathOf(request))
      void reply.headers(firstHeaders(request))
      answerError(options.context.log, error, request, reply)
    },
  })
  const server: Server = { ...options, http }
  http.decorateRequest('project', '')
  http.decorateRequest('startedMs', 0)
  // Ahead of everything that may fail: what is registered before it would answer in Fastify's own words.
  answerFailures(server)
  acceptBodies(http)
  addHeaders(http)
  http.addHook('onRequest', async (request) => requireHost(request))
  // An expectation that nobody knows is passed over: what is answered then is what was asked for.
  http.server.on('checkExpectation', (request, response) => http.server.emit('request', request, response))
  trackAnswers(http)
  http.addHook('onSend', async (_request, reply) => {
    if (options.isDraining()) void reply.header('connection', 'close')
  })
  if (options.loopbackOnly) {
    http.addHook('onRequest', async (request) => checkLoopback(request, options.corsOrigins))
  }
  await http.register(cors, corsOptions(options))
  healthRoutes(server)
  docsRoutes(server)
  await http.register(async (v1) => apiRoutes({ ...server, http: v1 }), { prefix: '/v1' })
  return http
}

async function apiRoutes(server: Server): Promise<void> {
  server.http.addHook('onRequest', async (request) => {
    request.project = authenticate(request, server.keys)
    if (server.strictBeta && needsBeta(request.url)) checkBeta(request.headers['openai-beta'])
  })
  safeRetries(server, (reply, stream) => streamRun(server, reply, stream))
  registerRoutes(server.http, server, routes)
  fileRoutes(server)
  uploadRoutes(server)
  await server.http.register(async (http) => {
    await acceptForms(http)
    createFileRoute({ ...server, http })
    addPartRoute({ ...server, http })
  })
}

/** JSON, also where no content type is said; or nothing at all whatever the content type says. */
function acceptBodies(http: FastifyInstance): void {
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (body.length === 0) {
      done(null, undefined)
      return
    }
    const type = request.headers['content-type']
    if (type !== undefined && !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
      done(errors.unsupportedContentType(type))
      return
    }
    // Decoding would put replacement characters in the place of bytes that are no UTF-8.
    if (!isUtf8(body)) {
      done(errors.invalidJson())
      return
    }
    try {
      done(null, JSON.parse(body.toString('utf8')))
    } catch {
      done(errors.invalidJson())
    }
  })
}

function corsOptions({ corsOrigins, loopbackOnly }: ServerOptions) {
  const isAllowed = (origin: string) =>
    corsOrigins.includes('*') || corsOrigins.includes(origin) || (loopbackOnly && isLoopbackOrigin(origin))
  return {
    origin: (origin: string | undefined, done: (error: Error | null, allowed: boolean) => void) =>
      done(null, origin === undefined || isAllowed(origin)),
    methods: ['GET', 'POST', 'DELETE'],
    exposedHeaders: [
      'x-request-id',
      'openai-poll-after-ms',
      'openai-processing-ms',
      'retry-after',
      'spool-model',
    ],
    maxAge: 86_400,
    // Else an OPTIONS request that is no preflight is refused in plain text.
    strictPreflight: false,
  }
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?')[0] ?? url
}

function answerFailures({ http, context }: Server): void {
  http.setErrorHandler((error, request, reply) => answerError(context.log, error, request, reply))
  http.setNotFoundHandler((request, reply) => {
    const path = pathOf(request)
    const isKnown = ['GET', 'POST', 'DELETE'].some((method) => http.findRoute({ method, url: path }) !== null)
    const error = isKnown
      ? errors.methodNotAllowed(request.method, path)
      : errors.invalidUrl(request.method, path)
    answerError(context.log, error, request, reply)
  })
}
