/** Finds an object of any kind by its id. */
import { idPrefix } from '../api/fields.ts'
import { textFault } from '../api/inspect.ts'
import type { ObjectLocation } from '../api/locations.ts'
import { locate, locatedKinds, type LocatedKind } from '../sql/locate.ts'
import type { Context } from './context.ts'

const objects = {
  assistant: 'assistant',
  thread: 'thread',
  message: 'thread.message',
  run: 'thread.run',
  step: 'thread.run.step',
  file: 'file',
  vector_store: 'vector_store',
} as const satisfies Record<LocatedKind, ObjectLocation['object']>

/** Returns undefined when the project has no object with the id. */
export async function locateObject(
  { db }: Pick<Context, 'db'>,
  project: string,
  id: string,
): Promise<ObjectLocation | undefined> {
  const kind = locatedKinds.find((one) => id.startsWith(`${idPrefix(one)}${one === 'file' ? '-' : '_'}`))
  if (!kind || textFault(id)) return undefined
  const found = await locate(db, { kind, project, id })
  if (!found) return undefined
  const { thread_id, run_id } = found
  return { id, object: objects[kind], ...(thread_id && { thread_id }), ...(run_id && { run_id }) }
}
