/** Deletes an assistant. Its runs and threads remain. */
import { deleteAssistant as deleteRow } from '../sql/assistants.ts'
import type { Context } from './context.ts'

/** Returns false when the project has no such assistant. */
export function deleteAssistant({ db }: Context, project: string, id: string): Promise<boolean> {
  return deleteRow(db, project, id)
}
