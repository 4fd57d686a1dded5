/** One log line for each request, when its answer has been sent or its connection has closed. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../util/log.ts'

/** Paths that load balancers and supervisors call all the time: they are logged at the level `debug`. */
const healthPaths: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz'])

/** To be called as early as possible. The line names the pattern of the route, so it contains no value of a client. */
export function logWhenAnswered(log: Log, request: FastifyRequest, { raw }: FastifyReply): void {
  const startedMs = performance.now()
  raw.once('close', () => {
    const route = request.routeOptions.url
    log(healthPaths.has(route) ? 'debug' : 'info', 'request', {
      method: request.method,
      route,
      status: raw.statusCode,
      duration_ms: Math.round(performance.now() - startedMs),
      request_id: request.id,
      project: request.project || undefined,
      // The client hung up before it had the whole answer.
      ...(!raw.writableFinished && { aborted: true }),
    })
  })
}

/** Adds the id of a request to every line. */
export function withRequestId(log: Log, request_id: string): Log {
  return (level, message, fields) => log(level, message, { request_id, ...fields })
}
