/**
 * Limits: how slowly a request may arrive, how many connections are open, and how many requests are in progress at once, in
 * this process and of each project.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import type { Log } from '../util/log.ts'
import { isForm } from './forms.ts'
import type { Rules } from './server.ts'

/** An upload makes progress when it delivers this many bytes in each period. */
const minUploadBytes = 64 * 1024

/** A body must arrive within `periodMs`, and an upload must make progress in each period. A slower request gets 408. */
export function limitArrival(http: FastifyInstance, periodMs: number): void {
  http.addHook('onRequest', async (request, reply) => {
    const { headers, raw } = request
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return
    let before = raw.socket.bytesRead
    const timer = setInterval(() => {
      if (raw.complete) return stop()
      const { bytesRead } = raw.socket
      const isProgress = isForm(request) && bytesRead - before >= minUploadBytes
      before = bytesRead
      // Unread bytes mean that the blob store is slow, not the client.
      if (!isProgress && raw.readableLength === 0) cut(request, reply)
    }, periodMs)
    const stop = () => clearInterval(timer)
    raw.once('end', stop)
    raw.once('close', stop)
    reply.raw.once('close', stop)
  })
}

/** Answers and closes the connection. A request that has been answered already is only closed. */
function cut({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent) raw.destroy()
  else void reply.header('connection', 'close').send(errors.requestTimedOut())
}

const dropLogMs = 60_000

/**
 * Connections beyond `maxConnections` of the server are closed before they are read. A line in the log says how many, at
 * most once a minute.
 */
export function limitConnections({ server }: FastifyInstance, log: Log): void {
  let dropped = 0
  let loggedMs = -Infinity
  server.on('drop', () => {
    dropped += 1
    if (performance.now() - loggedMs < dropLogMs) return
    log('warn', 'connections were closed because SPOOL_MAX_CONNECTIONS are open', {
      max: server.maxConnections,
      dropped,
    })
    loggedMs = performance.now()
    dropped = 0
  })
}

/** When clients should send a refused request again, ms. */
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
