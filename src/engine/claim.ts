/** Claims runs: queued runs, and runs whose worker was lost. */
import { endRun, type EndContext } from '../domain/runs.ts'
import type { Queryable } from '../database/database.ts'
import { loadState } from '../runs/load.ts'
import { next } from '../runs/next.ts'
import { writeTransition, type WrittenRun } from '../runs/write-transition.ts'
import { reportEnd } from '../runs/log-lines.ts'
import { hasEnded } from '../runs/state.ts'
import { lockClaimableRuns } from '../sql/leases.ts'
import type { RunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'

/** Claims up to `limit` runs for the worker. `found` also counts runs that had to be ended instead. */
export async function claimRuns(
  context: EndContext,
  worker: string,
  limit: number,
): Promise<{ claimed: WrittenRun[]; found: number }> {
  return context.db.transaction(async (tx) => {
    const rows = await lockClaimableRuns(tx, worker, limit)
    const claimed: WrittenRun[] = []
    for (const row of rows) {
      const run = await claimOrEnd(context, tx, row, worker)
      if (run) claimed.push(run)
    }
    return { claimed, found: rows.length }
  })
}

async function claimOrEnd(
  context: EndContext,
  tx: Queryable,
  row: RunRow,
  worker: string,
): Promise<WrittenRun | undefined> {
  const at = nowSeconds(context.clock)
  if (row.status === 'cancelling' || row.deadline <= at) {
    // A run that is being cancelled ends as cancelled: a cancel wins over every other end.
    await endRun(context, tx, row, { reason: 'expired' })
    return undefined
  }
  const state = await loadState(tx, row)
  const transition = next(
    state,
    row.status === 'queued'
      ? { kind: 'claimed', at, worker }
      : { kind: 'recovered', at, worker, step_id: newId('step') },
  )
  const notifications = context.hints.notifications({ kind: 'log', run_ids: [row.id] })
  const run = await writeTransition(tx, 'locked', transition, { notifications })
  if (!hasEnded(run.state.row)) return run
  reportEnd(context.log, run.state.row)
  return undefined
}
