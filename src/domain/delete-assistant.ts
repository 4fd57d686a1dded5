/** Deletes an assistant. Its runs and threads remain. */
import { deleteAssistant as deleteRow } from '../sql/assistants.ts'
import type { Context } from './context.ts'

/** Returns false when the project has no such assistant. */
export async function deleteAssistant({ db, hints }: Context, project: string, id: string): Promise<boolean> {
  const isDeleted = await deleteRow(db, project, id)
  const hint = { kind: 'assistant', assistant_id: id } as const
  await hints.announce(db, hint)
  hints.send(hint)
  return isDeleted
}
