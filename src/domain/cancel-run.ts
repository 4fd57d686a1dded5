/** Cancels a run. Its owner stops the work; a run without an owner ends in this call. */
import { errors } from '../api/errors.ts'
import type { Run } from '../api/runs.ts'
import { emptyState, loadState } from '../runs/load.ts'
import { both, isPossible, next } from '../runs/next.ts'
import { persist } from '../runs/persist.ts'
import { reportEnd } from '../runs/report.ts'
import { lockRun, toRun, type RunKey } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Returns the run with status `cancelling`, even if it has ended right after. */
export async function cancelRun({ db, hints, clock, log }: Context, key: RunKey): Promise<Run> {
  const [cancel, newEntries] = [
    { kind: 'cancel' as const, run_id: key.id },
    { kind: 'log' as const, run_ids: [key.id] },
  ]
  const { run, owned } = await db.transaction(async (tx) => {
    const found = await lockRun(tx, key)
    if (!found) throw errors.notFound('run', key.id)
    const { owned: isOwned, ...row } = found
    if (!isPossible(row.status, 'cancel requested')) throw errors.cannotCancel(row.status)
    const at = nowSeconds(clock)
    const state = isOwned ? emptyState(row) : await loadState(tx, row)
    const requested = next(state, { kind: 'cancel requested', at })
    const transition = isOwned
      ? requested
      : both(requested, { kind: 'stopped', at, ending: { reason: 'cancelled' } })
    const notifications = isOwned ? hints.notifications(cancel, newEntries) : hints.notifications(newEntries)
    const persisted = await persist(tx, 'locked', transition, { notifications })
    if (!isOwned) reportEnd(log, persisted.state.row)
    return { run: toRun(requested.state.row), owned: isOwned }
  })
  if (owned) hints.send(cancel)
  hints.send(newEntries)
  return run
}
