/** The changes to the row of a run that a new status makes. */
import type { Run, RunStatus } from '../api/runs.ts'
import type { RunRow } from '../sql/runs.ts'

type Details = Partial<Pick<Run, 'usage' | 'required_action' | 'last_error' | 'incomplete_details'>>

/** Statuses from which a run never changes again. */
const ended: ReadonlySet<RunStatus> = new Set(['cancelled', 'completed', 'expired', 'failed', 'incomplete'])

export function hasEnded({ status }: Pick<Run, 'status'>): boolean {
  return ended.has(status)
}

/** The row with a new status as of `at`, in Unix seconds. Only a run in progress or cancelling keeps its owner. */
export function withStatus(row: RunRow, status: RunStatus, at: number, details: Details = {}): RunRow {
  const isOwned = status === 'in_progress' || status === 'cancelling'
  return {
    ...row,
    status,
    // The object of an expired run keeps the time at which it expired.
    expires_at: ended.has(status) && status !== 'expired' ? null : row.expires_at,
    started_at: status === 'in_progress' ? at : row.started_at,
    cancelled_at: status === 'cancelled' ? at : row.cancelled_at,
    failed_at: status === 'failed' ? at : row.failed_at,
    completed_at: status === 'completed' || status === 'incomplete' ? at : row.completed_at,
    required_action: details.required_action ?? null,
    last_error: details.last_error ?? row.last_error,
    incomplete_details: details.incomplete_details ?? row.incomplete_details,
    usage: details.usage ?? null,
    lease_owner: isOwned ? row.lease_owner : null,
  }
}
