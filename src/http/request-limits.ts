/** Limits on the requests that are in progress at once, in this process and of each project. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { errors } from '../api/errors.ts'
import type { Rules } from './server.ts'

/** When clients should try again, ms. */
const retryMs = 1000

declare module 'fastify' {
  interface FastifyRequest {
    /** Set while the request is counted as in progress; the function ends that. */
    release?: (() => void) | undefined
  }
}

/** Answers 503 past the limit of the process and 429 past that of a project. The project must be known. */
export function limitRequests(
  api: FastifyInstance,
  rules: Pick<Rules, 'maxRequests' | 'maxProjectRequests'>,
): void {
  let all = 0
  const ofProject = new Map<string, number>()
  const add = (project: string, change: 1 | -1) => {
    all += change
    const count = (ofProject.get(project) ?? 0) + change
    if (count === 0) ofProject.delete(project)
    else ofProject.set(project, count)
  }
  api.addHook('onRequest', async (request, reply) => {
    const { project } = request
    const { maxRequests, maxProjectRequests } = rules
    if (all >= maxRequests) throw errors.unavailable('too many requests are in progress', retryMs)
    if ((ofProject.get(project) ?? 0) >= maxProjectRequests) {
      throw errors.rateLimited('requests in progress', project, {
        limit: maxProjectRequests,
        retryAfterMs: retryMs,
      })
    }
    add(project, 1)
    request.release = () => {
      request.release = undefined
      add(project, -1)
    }
    reply.raw.once('close', () => request.release?.())
  })
}

/** A stream may stay open for long and costs little: from now on it is not counted. */
export function streamBegins({ request }: FastifyReply): void {
  request.release?.()
}
