/** Deletes a thread with its messages, runs and steps; a run that is active is stopped silently. */
import { errors } from '../api/errors.ts'
import { activeRunId } from '../sql/runs.ts'
import { deleteThread as deleteRows, lockThread } from '../sql/threads.ts'
import type { Context } from './context.ts'

export async function deleteThread(context: Context, project: string, id: string): Promise<void> {
  const run_id = await context.db.transaction(async (tx) => {
    if (!(await lockThread(tx, project, id, 'exclusive'))) throw errors.notFound('thread', id)
    const active = await activeRunId(tx, id)
    await deleteRows(tx, id)
    if (active) {
      await context.hints.announce(tx, { kind: 'cancel', run_id: active })
      await context.hints.announce(tx, { kind: 'log', run_ids: [active] })
    }
    return active
  })
  if (!run_id) return
  context.hints.tell({ kind: 'cancel', run_id })
  context.hints.tell({ kind: 'log', run_ids: [run_id] })
}
