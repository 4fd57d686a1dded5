/** Checks the headers Host and Origin: which names of this server are answered, and which web pages may call it. */
import type { FastifyCorsOptions } from '@fastify/cors'
import type { FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import { isLoopbackName } from '../util/loopback.ts'
import { leftOutHeader } from './headers.ts'
import type { Rules } from './server.ts'

function isAllowed(origin: string, { corsOrigins, loopbackOnly }: Rules): boolean {
  if (corsOrigins.includes('*') || corsOrigins.includes(origin)) return true
  return loopbackOnly && URL.canParse(origin) && isLoopbackName(new URL(origin).hostname)
}

/**
 * Throws 403. Without keys only this machine may call, which keeps out web pages of other origins and DNS rebinding.
 * With keys a browser enforces CORS, and the preflight is refused with the reason.
 */
export function checkOrigin({ method, headers }: FastifyRequest, rules: Rules): void {
  const { host = '', origin, 'access-control-request-method': preflighted } = headers
  if (rules.loopbackOnly && !isLoopbackName(host.replace(/:\d+$/, ''))) throw errors.hostNotAllowed(host)
  if (origin === undefined || isAllowed(origin, rules)) return
  const isPreflight = method === 'OPTIONS' && preflighted !== undefined
  if (rules.loopbackOnly || isPreflight) throw errors.originNotAllowed(origin)
}

export function corsOptions(rules: Rules): FastifyCorsOptions {
  return {
    origin: (origin, done) => done(null, origin === undefined || isAllowed(origin, rules)),
    methods: ['GET', 'POST', 'DELETE'],
    exposedHeaders: [
      'x-request-id',
      'openai-poll-after-ms',
      'openai-processing-ms',
      'retry-after',
      'spool-model',
      leftOutHeader,
    ],
    maxAge: 86_400,
    // Otherwise an OPTIONS request that is not a preflight is refused in plain text.
    strictPreflight: false,
  }
}
