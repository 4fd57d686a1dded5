/** The sweep: ends runs that nobody owns, past their time or about to be cancelled. It needs no worker's slot. */
import { lockRunsToEnd } from '../sql/leases.ts'
import { nowSeconds } from '../util/clock.ts'
import { closeRunUnowned } from './close-run.ts'
import type { Context } from './context.ts'

const batch = 50

/** Answers how many runs it ended; call it again while that is not 0. */
export async function expireRuns(context: Context): Promise<number> {
  const run_ids = await context.db.transaction(async (tx) => {
    const rows = await lockRunsToEnd(tx, nowSeconds(context.clock), batch)
    for (const row of rows) {
      const reason = row.status === 'cancelling' ? 'cancelled' : 'expired'
      await closeRunUnowned(context, tx, row, { ending: { reason } })
    }
    return rows.map((row) => row.id)
  })
  if (run_ids.length > 0) context.hints.tell({ kind: 'log', run_ids })
  return run_ids.length
}
