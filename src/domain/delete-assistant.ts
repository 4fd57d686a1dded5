/** Deletes an assistant. Its runs and threads remain. */
import { deleteAssistant as deleteRow } from '../sql/assistants.ts'
import type { Context } from './context.ts'

/** Answers false when there is no such assistant in the project. */
export function deleteAssistant({ db }: Context, project: string, id: string): Promise<boolean> {
  return deleteRow(db, project, id)
}
