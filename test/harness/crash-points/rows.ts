/** What the database holds of the run of a thread. */
import type { Queryable } from '../../../src/database/database.ts'
import { stepsOfRun, type RecordedCall } from '../../../src/sql/run-steps.ts'
import { runColumns, type RunRow } from '../../../src/sql/runs.ts'

export async function newestRun(db: Queryable, thread_id: string): Promise<RunRow | undefined> {
  const [row] = await db.query<RunRow>({
    text: `select ${runColumns} from runs r where thread_id = $1 order by seq desc limit 1`,
    values: [thread_id],
  })
  return row
}

/** Calls that the steps of the thread's newest run have recorded. */
export async function recordedCalls(db: Queryable, thread_id: string): Promise<RecordedCall[]> {
  const run = await newestRun(db, thread_id)
  return run ? (await stepsOfRun(db, run.id)).flatMap(({ turn }) => turn?.calls ?? []) : []
}
