/** Operations about the server itself. They need no key. */
import type { FastifyReply } from 'fastify'
import type { Readiness } from '../api/health.ts'
import { isObject } from '../util/is-object.ts'
import { hasKey } from './auth.ts'
import { homePolicy } from './home.ts'
import { route } from './route.ts'
import { version } from '../util/version.ts'

export const serverRoutes = [
  route({
    method: 'GET',
    path: '/',
    id: 'getHome',
    summary: 'Show the version and the main addresses',
    description:
      'Browsers are redirected to the console, or see a page where there is none; others get JSON.',
    media: ['application/json', 'text/html'],
    handle({ server, request, reply }) {
      if (request.headers.accept?.includes('text/html')) {
        if (server.hasConsole) return reply.redirect('/console/')
        return send(reply.header('content-security-policy', homePolicy), 'text/html', server.homePage())
      }
      const home = { name: 'Spool', version, api: '/v1', openapi: '/openapi.json', ready: '/readyz' }
      return send(reply, 'application/json', JSON.stringify(home))
    },
  }),
  route({
    method: 'GET',
    path: '/healthz',
    id: 'getHealth',
    summary: 'Report that the process is up',
    answer: 'Health',
    handle: () => ({ status: 'ok' }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    id: 'getReadiness',
    summary: 'Report the state of database, model and sandbox',
    description:
      'Answered with 503 while the server cannot serve requests. Where keys are configured, details need one.',
    answer: 'Readiness',
    async handle({ server, request, reply }) {
      const state = await server.readiness()
      const isTrusted = server.rules.keys.size === 0 || hasKey(request, server.rules.keys)
      return reply.code(state.ready ? 200 : 503).send(isTrusted ? state : withoutDetails(state))
    },
  }),
  route({
    method: 'GET',
    path: '/openapi.json',
    id: 'getOpenApi',
    summary: 'Retrieve this OpenAPI document',
    media: ['application/json'],
    handle: ({ server, reply }) => send(reply, 'application/json', server.openApi()),
  }),
]

/** Fields that contain no path, host or library name. */
const publicFields: ReadonlySet<string> = new Set(['status', 'embedded', 'demo', 'driver'])

function withoutDetails(state: Readiness): Readiness {
  const parts = Object.entries(state).map(([name, part]) => [name, isObject(part) ? publicPart(part) : part])
  return Object.fromEntries(parts) as Readiness
}

function publicPart(part: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(part).filter(([name]) => publicFields.has(name)))
}

function send(reply: FastifyReply, type: string, text: string): FastifyReply {
  return reply
    .header('content-type', `${type}; charset=utf-8`)
    .header('cache-control', 'no-cache')
    .header('x-content-type-options', 'nosniff')
    .header('vary', 'accept')
    .send(text)
}
