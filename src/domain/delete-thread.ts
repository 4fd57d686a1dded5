/** Deletes a thread with its messages, runs and steps. An active run is stopped without an event, and the Python session ends. */
import { errors } from '../api/errors.ts'
import type { Hint } from '../runs/hints.ts'
import { activeRunId } from '../sql/runs.ts'
import { deleteThread as deleteRows, lockThread } from '../sql/threads.ts'
import type { Context } from './context.ts'

export async function deleteThread(
  { db, hints }: Pick<Context, 'db' | 'hints'>,
  project: string,
  id: string,
): Promise<void> {
  const sent = await db.transaction(async (tx) => {
    if (!(await lockThread(tx, project, id, 'exclusive'))) throw errors.notFound('thread', id)
    const run_id = await activeRunId(tx, id)
    const { had_session } = await deleteRows(tx, id)
    const all: Hint[] = []
    if (run_id) all.push({ kind: 'cancel', run_id }, { kind: 'log', run_ids: [run_id] })
    if (had_session) all.push({ kind: 'session_end', thread_id: id })
    for (const hint of all) await hints.announce(tx, hint)
    return all
  })
  for (const hint of sent) hints.send(hint)
}
