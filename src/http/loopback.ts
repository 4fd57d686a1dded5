/** Names of this machine. Without keys only they are answered: web pages and rebound names are not. */
import type { FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import { isLoopbackName } from '../util/loopback.ts'

export function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopbackName(new URL(origin).hostname)
}

/** Throws 403 for a Host, or an Origin, that is neither of this machine nor allowed by name. */
export function checkLoopback(request: FastifyRequest, corsOrigins: readonly string[]): void {
  const { host = '', origin } = request.headers
  if (!isLoopbackName(host.replace(/:\d+$/, ''))) throw errors.hostNotAllowed(host)
  if (origin === undefined || isLoopbackOrigin(origin)) return
  if (!corsOrigins.includes(origin) && !corsOrigins.includes('*')) throw errors.hostNotAllowed(origin)
}
