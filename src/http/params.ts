/** Ids in paths: a wrong prefix is refused before anything is looked up. */
import type { FastifyRequest } from 'fastify'
import { parseId } from '../api/parse.ts'

/** What the ids in paths are ids of. Those of files and uploads are not checked. */
export const pathKinds = {
  assistant_id: 'assistant',
  thread_id: 'thread',
  message_id: 'message',
  run_id: 'run',
  step_id: 'step',
  vector_store_id: 'vector_store',
  file_id: 'file',
  batch_id: 'file_batch',
} as const

type PathId = keyof typeof pathKinds

/** The named ids of the route. */
export function pathIds<Name extends PathId>(
  request: FastifyRequest,
  ...names: Name[]
): Record<Name, string> {
  const params = request.params as Record<string, string>
  const entries = names.map((name) => [name, parseId(pathKinds[name], params[name] ?? '')] as const)
  return Object.fromEntries(entries) as Record<Name, string>
}
