/** The objects in a path: checks their ids, and reports the outermost one that does not exist. */
import { errors, type ApiError, type ObjectKind } from '../api/errors.ts'
import { textFault } from '../api/inspect.ts'
import { parseId } from '../api/parse.ts'
import { findObject, type FindContext } from '../domain/find-object.ts'
import type { Route } from './route.ts'

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
export type Ids = Record<string, string>

/** The parameters of a route's path, checked: a wrong prefix is refused before anything is looked up. */
export function readIds({ path }: Route, params: Record<string, string>): Ids {
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
export async function requireObjects(context: FindContext, project: string, ids: Ids): Promise<void> {
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
export async function missingObject(
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
