/** Deletes old records: logs and traces of runs, answers for retries, rows of ended workers. */
import { forgetOldAnswers } from '../sql/answers.ts'
import { forgetDeadWorkers } from '../sql/leases.ts'
import { pruneRunLogs } from '../sql/run-events.ts'
import { removeOldWork } from '../sql/run-work.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

const daySeconds = 24 * 60 * 60
const batch = 50

/** Returns how many records of runs it deleted; call it again while that is not 0. */
export async function pruneRecords(context: Context): Promise<number> {
  const { db, clock, runLogDays, traceDays } = context
  const now = nowSeconds(clock)
  await forgetDeadWorkers(db)
  await forgetOldAnswers(db, now)
  const removed = await removeOldWork(db, (now - traceDays * daySeconds) * 1000)
  return removed + (runLogDays === 0 ? 0 : await pruneRunLogs(db, now - runLogDays * daySeconds, batch))
}
