/** Ends runs that no worker owns and that have expired or are being cancelled. It needs no slot of a worker. */
import { lockRunsToEnd } from '../sql/leases.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'
import { endRun } from './end-run.ts'

const batch = 50

/** Returns how many runs it ended; call it again while that is not 0. */
export async function expireRuns(context: Context): Promise<number> {
  const run_ids = await context.db.transaction(async (tx) => {
    const rows = await lockRunsToEnd(tx, nowSeconds(context.clock), batch)
    // A run that is being cancelled ends as cancelled: a cancel wins over every other end.
    for (const row of rows) await endRun(context, tx, row, { reason: 'expired' })
    return rows.map((row) => row.id)
  })
  if (run_ids.length > 0) context.hints.send({ kind: 'log', run_ids })
  return run_ids.length
}
