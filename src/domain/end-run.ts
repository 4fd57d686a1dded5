/** Ends runs that no worker owns. */
import type { Queryable } from '../database/database.ts'
import { loadState } from '../runs/load.ts'
import { next } from '../runs/next.ts'
import { persist } from '../runs/persist.ts'
import { reportEnd } from '../runs/report.ts'
import type { Ending } from '../runs/state.ts'
import type { RunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Closes the open message and steps and ends the run; this transaction must have locked the row. */
export async function endRun(
  { hints, clock, log }: Context,
  tx: Queryable,
  row: RunRow,
  ending: Ending,
): Promise<void> {
  const transition = next(await loadState(tx, row), { kind: 'stopped', at: nowSeconds(clock), ending })
  const notifications = hints.notifications({ kind: 'log', run_ids: [row.id] })
  const { state } = await persist(tx, 'locked', transition, { notifications })
  reportEnd(log, state.row)
}
