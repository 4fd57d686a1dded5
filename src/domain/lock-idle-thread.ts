/** The lock for every change of the messages of a thread. */
import { errors } from '../api/errors.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import { activeRunId } from '../sql/runs.ts'
import { lockThread } from '../sql/threads.ts'

/** Prevents new runs on the thread until the transaction ends. Throws when a run is active. */
export async function lockIdleThread(
  tx: Queryable,
  { project, thread_id }: { project: string; thread_id: string },
  strength: 'share' | 'exclusive',
): Promise<Thread> {
  const thread = await lockThread(tx, project, thread_id, strength)
  if (!thread) throw errors.notFound('thread', thread_id)
  const run_id = await activeRunId(tx, thread_id)
  if (run_id) throw errors.threadLocked(thread_id, run_id)
  return thread
}
