/** Ids in paths: a wrong prefix is refused before anything is looked up. */
import type { FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'

const prefixes = {
  assistant_id: 'asst',
  thread_id: 'thread',
  message_id: 'msg',
  run_id: 'run',
  step_id: 'step',
} as const

export type PathId = keyof typeof prefixes

/** The named ids of the route. */
export function pathIds<Name extends PathId>(
  request: FastifyRequest,
  ...names: Name[]
): Record<Name, string> {
  const params = request.params as Record<string, string>
  const entries = names.map((name) => {
    const id = params[name] ?? ''
    if (!id.startsWith(prefixes[name])) throw errors.invalidId(name, id, prefixes[name])
    return [name, id] as const
  })
  return Object.fromEntries(entries) as Record<Name, string>
}
