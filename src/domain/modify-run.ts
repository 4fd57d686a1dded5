/** Replaces the metadata of a run. */
import type { ModifyRunRequest, Run } from '../api/runs.ts'
import { findRunRow, toRun, updateRunMetadata } from '../sql/runs.ts'
import type { Context } from './context.ts'

/** Returns undefined when there is no such run. */
export async function modifyRun(
  { db }: Context,
  { project, thread_id, run_id: id }: { project: string; thread_id: string; run_id: string },
  { metadata }: ModifyRunRequest,
): Promise<Run | undefined> {
  const key = { project, thread_id, id }
  const row = await (metadata === undefined
    ? findRunRow(db, key)
    : updateRunMetadata(db, key, metadata ?? {}))
  return row && toRun(row)
}
