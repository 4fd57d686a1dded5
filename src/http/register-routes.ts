/**
 * Registers the declared operations with Fastify: reads the input, calls the handler and sends its result. Of the objects in
 * a path it checks the ids, and reports the outermost one that does not exist.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requests } from '../api/components.ts'
import { ApiError, errors, type ObjectKind } from '../api/errors.ts'
import { textFault } from '../api/inspect.ts'
import { parse, parseQuery, parseId } from '../api/parse.ts'
import { findObject, type FindContext } from '../domain/find-object.ts'
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
  // The result of a stream is the reply, and a reply that is awaited becomes undefined.
  if (reply.sent) return reply
  if (result === undefined) throw await missingObject(context, route, { project, ids })
  if (route.pollAfterMs !== undefined) {
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

/** The kind of object that each path parameter identifies. */
export const idKinds = {
  assistant_id: 'assistant',
  thread_id: 'thread',
  message_id: 'message',
  run_id: 'run',
  step_id: 'step',
  vector_store_id: 'vector_store',
  file_id: 'file',
  batch_id: 'file_batch',
} as const

/** By parameter name, in the order of the path. */
type Ids = Record<string, string>

/** The parameters of a route's path, checked: a wrong prefix is refused before anything is looked up. */
function readIds({ path }: Route, params: Record<string, string>): Ids {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  return Object.fromEntries(
    names.map((name) => [name, readId(path, name, params[name] ?? params['*'] ?? '')]),
  )
}

function readId(path: string, name: string, value: string): string {
  if (name === 'model') return value
  if (Object.hasOwn(idKinds, name) && !isFilesApi(path)) {
    return parseId(idKinds[name as keyof typeof idKinds], value)
  }
  // No prefix is checked for others. An object with an id that cannot be stored does not exist.
  if (textFault(value))
    throw isFilesApi(path) ? errors.fileNotFound(value) : errors.notFound(kindOf(name), value)
  return value
}

/** Throws 404 for the outermost object of `ids` that does not exist. */
async function requireObjects(context: FindContext, project: string, ids: Ids): Promise<void> {
  const { thread_id = '', run_id = '', vector_store_id = '', batch_id = '' } = ids
  if (thread_id && !(await findObject.thread(context, { project, thread_id }))) {
    throw errors.notFound('thread', thread_id)
  }
  if (run_id && !(await findObject.run(context, { project, thread_id, run_id }))) {
    throw errors.notFound('run', run_id)
  }
  if (vector_store_id && !(await findObject.vector_store(context, { project, vector_store_id }))) {
    throw errors.notFound('vector_store', vector_store_id)
  }
  if (batch_id && !(await findObject.file_batch(context, { project, vector_store_id, batch_id }))) {
    throw errors.notFound('file_batch', batch_id)
  }
}

/** The 404 for a path whose last object was not found: an outer one that does not exist is answered first. */
async function missingObject(
  context: FindContext,
  { path }: Route,
  { project, ids }: { project: string; ids: Ids },
): Promise<ApiError> {
  const names = Object.keys(ids)
  const last = names.pop() ?? ''
  await requireObjects(context, project, Object.fromEntries(names.map((name) => [name, ids[name] ?? ''])))
  const id = ids[last] ?? ''
  if (isFilesApi(path)) return errors.fileNotFound(id)
  if (last === 'file_id') return errors.fileNotInVectorStore(id, ids['vector_store_id'] ?? '')
  return errors.notFound(kindOf(last), id)
}

function kindOf(name: string): ObjectKind {
  if (Object.hasOwn(idKinds, name)) return idKinds[name as keyof typeof idKinds]
  return name === 'upload_id' ? 'upload' : 'object'
}

function isFilesApi(path: string): boolean {
  return path.startsWith('/v1/files/')
}
