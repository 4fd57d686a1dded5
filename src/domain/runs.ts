/** Runs after their creation: changes, cancel, and the end of a run that no worker owns. */
import { errors } from '../api/errors.ts'
import type { ModifyRunRequest, Run } from '../api/runs.ts'
import type { Queryable } from '../database/database.ts'
import { repeatedAfterCut, transactionOnce } from '../database/retry.ts'
import { loadState } from '../runs/load.ts'
import { followedBy, isPossible, next } from '../runs/next.ts'
import { writeTransition } from '../runs/write-transition.ts'
import { reportEnd } from '../runs/log-lines.ts'
import { emptyState, type Ending } from '../runs/state.ts'
import { lockRunsToEnd } from '../sql/leases.ts'
import { findRunRow, toRun, updateRunMetadata, lockRun, type RunKey, type RunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** What the end of a run uses. */
export type EndContext = Pick<Context, 'clock' | 'db' | 'hints' | 'log'>

/** Replaces the metadata of a run. Returns undefined when there is no such run. */
export async function modifyRun(
  { db }: Pick<Context, 'db'>,
  { project, thread_id, run_id: id }: { project: string; thread_id: string; run_id: string },
  { metadata }: ModifyRunRequest,
): Promise<Run | undefined> {
  const key = { project, thread_id, id }
  const row = await (metadata === undefined
    ? findRunRow(db, key)
    : repeatedAfterCut(() => updateRunMetadata(db, key, metadata ?? {})))
  return row && toRun(row)
}

/**
 * Cancels a run: its owner stops the work, and a run without an owner ends in this call. Returns the run with status
 * `cancelling`, even if it has ended right after.
 */
export async function cancelRun({ db, hints, clock, log }: EndContext, key: RunKey): Promise<Run> {
  const [cancel, newEntries] = [
    { kind: 'cancel' as const, run_id: key.id },
    { kind: 'log' as const, run_ids: [key.id] },
  ]
  const { run, owned } = await transactionOnce(db, async (tx) => {
    const found = await lockRun(tx, key)
    if (!found) throw errors.notFound('run', key.id)
    const { owned: isOwned, ...row } = found
    if (!isPossible(row.status, 'cancel requested')) throw errors.cannotCancel(row.status)
    const at = nowSeconds(clock)
    const state = isOwned ? emptyState(row) : await loadState(tx, row)
    const requested = next(state, { kind: 'cancel requested', at })
    const transition = isOwned
      ? requested
      : followedBy(requested, { kind: 'stopped', at, ending: { reason: 'cancelled' } })
    const notifications = isOwned ? hints.notifications(cancel, newEntries) : hints.notifications(newEntries)
    const written = await writeTransition(tx, 'locked', transition, { notifications })
    if (!isOwned) reportEnd(log, written.state.row)
    return { run: toRun(requested.state.row), owned: isOwned }
  })
  if (owned) hints.send(cancel)
  hints.send(newEntries)
  return run
}

const batch = 50

/**
 * Ends runs that no worker owns and that have expired or are being cancelled. Needs no slot of a worker. Returns how many
 * runs it ended; call it again while that is not 0.
 */
export async function expireRuns(context: EndContext): Promise<number> {
  const run_ids = await context.db.transaction(async (tx) => {
    const rows = await lockRunsToEnd(tx, nowSeconds(context.clock), batch)
    // A run that is being cancelled ends as cancelled: a cancel wins over every other end.
    for (const row of rows) await endRun(context, tx, row, { reason: 'expired' })
    return rows.map((row) => row.id)
  })
  if (run_ids.length > 0) context.hints.send({ kind: 'log', run_ids })
  return run_ids.length
}

/** Ends a run that no worker owns, with its open message and steps; this transaction must have locked the row. */
export async function endRun(
  { hints, clock, log }: EndContext,
  tx: Queryable,
  row: RunRow,
  ending: Ending,
): Promise<void> {
  const transition = next(await loadState(tx, row), { kind: 'stopped', at: nowSeconds(clock), ending })
  const notifications = hints.notifications({ kind: 'log', run_ids: [row.id] })
  const { state } = await writeTransition(tx, 'locked', transition, { notifications })
  reportEnd(log, state.row)
}
