/** Deletes old records: logs and traces of runs, answers for retries, rows of ended workers, rests of deleted objects. */
import { forgetOldAnswers } from '../sql/answers.ts'
import { forgetDeadWorkers } from '../sql/leases.ts'
import { pruneRunLogs } from '../sql/run-events.ts'
import { removeQueuedChunks, removeQueuedRuns } from '../sql/removals.ts'
import { removeOldWork } from '../sql/run-work.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

const daySeconds = 24 * 60 * 60
const batch = 50

/** Each statement deletes a limited number of rows. Returns 0 when nothing is left; call it again otherwise. */
export async function pruneRecords(
  context: Pick<Context, 'db' | 'clock' | 'runLogDays' | 'traceDays'>,
): Promise<number> {
  const { db, clock, runLogDays, traceDays } = context
  const now = nowSeconds(clock)
  await forgetDeadWorkers(db)
  const answers = await forgetOldAnswers(db, now)
  const work = await removeOldWork(db, (now - traceDays * daySeconds) * 1000)
  const logs = runLogDays === 0 ? 0 : await pruneRunLogs(db, now - runLogDays * daySeconds, batch)
  return answers + work + logs + (await removeQueuedRuns(db)) + (await removeQueuedChunks(db))
}
