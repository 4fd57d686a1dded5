/** Registers the declared operations with Fastify: reads the input, calls the handler and sends its result. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requests } from '../api/components.ts'
import { ApiError } from '../api/errors.ts'
import { parse, parseQuery } from '../api/parse.ts'
import { missingObject, readIds, requireObjects, type Ids } from './path-objects.ts'
import { withRequestId } from './request-log.ts'
import type { Call, Route } from './route.ts'
import type { Server } from './server.ts'

/** Adds `routes` to `http`; their paths lose the prefix that `http` is registered under. */
export function registerRoutes(http: FastifyInstance, server: Server, routes: readonly Route[]): void {
  for (const route of routes) {
    // A model's name may contain slashes.
    const url = route.path.replace('{model}', '*').replaceAll(/\{(\w+)\}/g, ':$1')
    http.route({
      method: route.method,
      url: url.slice(http.prefix.length),
      config: { maxValues: route.maxValues },
      handler: (request, reply) => answer(server, route, request, reply),
    })
  }
}

/** The input is checked in this order: ids, body, query, headers. */
async function answer(
  server: Server,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const context = { ...server.context, log: withRequestId(server.context.log, request.id) }
  const { project } = request
  const ids = readIds(route, request.params as Ids)
  const { maxValues } = route
  const limits = maxValues === undefined ? {} : { maxValues }
  const body = route.body && parse(requests[route.body], request.body, limits)
  const query = route.query && parseQuery(route.query, request.query)
  const headers = route.headers && parseQuery(route.headers, request.headers)
  if (route.findsPathFirst) await requireObjects(context, project, ids)
  const call = { server, context, project, params: ids, body, query, headers, request, reply }
  const result = route.method === 'GET' ? await read(route, call, ids) : await route.handle(call)
  if (result === undefined) throw await missingObject(context, route, { project, ids })
  if (route.pollAfterMs !== undefined && !reply.sent) {
    void reply.header('openai-poll-after-ms', route.pollAfterMs)
  }
  return result
}

/** An empty list, or a cursor that is not in it, may be due to an object of the path that does not exist. */
async function read(route: Route, call: Call<string, unknown, unknown, unknown>, ids: Ids): Promise<unknown> {
  const requireOwner = () => requireObjects(call.context, call.project, ids)
  try {
    const result = await route.handle(call)
    if (isEmptyList(result)) await requireOwner()
    return result
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) await requireOwner()
    throw error
  }
}

function isEmptyList(result: unknown): boolean {
  const { object, data } = (result ?? {}) as { object?: unknown; data?: unknown }
  return object === 'list' && Array.isArray(data) && data.length === 0
}
