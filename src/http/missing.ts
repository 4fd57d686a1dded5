/** Which object of a path is the one that is missing: the outermost is named first. */
import { errors, type ApiError } from '../api/errors.ts'
import type { Context } from '../domain/context.ts'
import { findRunRow, type RunKey } from '../store/runs.ts'
import { findThread } from '../store/threads.ts'

/** Throws unless the thread is there. */
export async function requireThread(context: Context, project: string, thread_id: string): Promise<void> {
  if (!(await findThread(context.db, project, thread_id))) throw errors.notFound('thread', thread_id)
}

/** Throws unless thread and run are there. */
export async function requireRun(context: Context, key: RunKey): Promise<void> {
  if (!(await findRunRow(context.db, key))) throw await missingRun(context, key)
}

export async function missingRun(context: Context, key: RunKey): Promise<ApiError> {
  const thread = await findThread(context.db, key.project, key.thread_id)
  return thread ? errors.notFound('run', key.id) : errors.notFound('thread', key.thread_id)
}
