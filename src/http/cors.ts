/** Which web pages of other origins may call the server. */
import type { FastifyCorsOptions } from '@fastify/cors'
import { isLoopbackOrigin } from './loopback.ts'
import type { ServerOptions } from './server.ts'

export function corsOptions({ corsOrigins, loopbackOnly }: ServerOptions): FastifyCorsOptions {
  const isAllowed = (origin: string) =>
    corsOrigins.includes('*') || corsOrigins.includes(origin) || (loopbackOnly && isLoopbackOrigin(origin))
  return {
    origin: (origin, done) => done(null, origin === undefined || isAllowed(origin)),
    methods: ['GET', 'POST', 'DELETE'],
    exposedHeaders: [
      'x-request-id',
      'openai-poll-after-ms',
      'openai-processing-ms',
      'retry-after',
      'spool-model',
    ],
    maxAge: 86_400,
    // Otherwise an OPTIONS request that is not a preflight is refused in plain text.
    strictPreflight: false,
  }
}
