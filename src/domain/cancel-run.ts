/** Cancels a run: its owner stops the work, and where nobody owns it, it ends here. */
import { errors } from '../api/errors.ts'
import type { Run } from '../api/runs.ts'
import { lockRun, moveRun, toRun, type RunKey, type RunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import { closeRunUnowned } from './close-run.ts'
import type { Context } from './context.ts'
import { runEntry } from './run-entries.ts'
import { fieldsAfter, statusAfter } from './run-status.ts'

/** Answers the run as `cancelling`, whatever becomes of it right after. */
export async function cancelRun(context: Context, key: RunKey): Promise<Run> {
  const { run, owned } = await context.db.transaction(async (tx) => {
    const row = await lockRun(tx, key)
    if (!row) throw errors.notFound('run', key.id)
    if (statusAfter(row.status, 'cancel') === null) throw errors.cannotCancel(row.status)
    const cancelling: RunRow = { ...row, ...fieldsAfter(row, 'cancel', { now: nowSeconds(context.clock) }) }
    const entry = runEntry('thread.run.cancelling', toRun(cancelling))
    if (row.owned) {
      await moveRun(tx, cancelling, [entry])
      await context.hints.announce(tx, { kind: 'cancel', run_id: key.id })
      await context.hints.announce(tx, { kind: 'log', run_ids: [key.id] })
    } else {
      await closeRunUnowned(context, tx, cancelling, { ending: { reason: 'cancelled' }, before: [entry] })
    }
    return { run: toRun(cancelling), owned: row.owned }
  })
  if (owned) context.hints.tell({ kind: 'cancel', run_id: key.id })
  context.hints.tell({ kind: 'log', run_ids: [key.id] })
  return run
}
