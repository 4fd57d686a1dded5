/** The legal moves of a run, and what each of them writes into its row. */
import type { Run, RunStatus } from '../api/runs.ts'
import type { RunFields } from '../sql/runs.ts'

export type RunMove =
  | 'claim'
  | 'require_action'
  | 'submit'
  | 'complete'
  | 'exhaust'
  | 'fail'
  | 'cancel'
  | 'close_cancel'
  | 'expire'

const nowhere: Record<RunMove, null> = {
  claim: null,
  require_action: null,
  submit: null,
  complete: null,
  exhaust: null,
  fail: null,
  cancel: null,
  close_cancel: null,
  expire: null,
}

/** null marks a move that is not legal; a run that has ended never moves again. */
const moves: Record<RunStatus, Record<RunMove, RunStatus | null>> = {
  queued: { ...nowhere, claim: 'in_progress', fail: 'failed', cancel: 'cancelling', expire: 'expired' },
  in_progress: {
    ...nowhere,
    // A takeover: the run goes on under another attempt.
    claim: 'in_progress',
    require_action: 'requires_action',
    complete: 'completed',
    exhaust: 'incomplete',
    fail: 'failed',
    cancel: 'cancelling',
    expire: 'expired',
  },
  requires_action: { ...nowhere, submit: 'queued', cancel: 'cancelling', expire: 'expired' },
  cancelling: { ...nowhere, close_cancel: 'cancelled' },
  cancelled: nowhere,
  completed: nowhere,
  expired: nowhere,
  failed: nowhere,
  incomplete: nowhere,
}

export function statusAfter(status: RunStatus, move: RunMove): RunStatus | null {
  return moves[status][move]
}

/** What a move brings along. */
export interface MoveDetails {
  /** Unix seconds. */
  now: number
  usage?: Run['usage']
  required_action?: Run['required_action']
  last_error?: Run['last_error']
  incomplete_details?: Run['incomplete_details']
}

/** The fields of a run after a move. The move must be legal. */
export function fieldsAfter(run: RunFields, move: RunMove, details: MoveDetails): RunFields {
  const status = statusAfter(run.status, move)
  if (status === null) throw new Error(`expected a run that can ${move}, found one that is ${run.status}`)
  const { now, usage = null } = details
  const next: RunFields = {
    status,
    started_at: run.started_at,
    expires_at: run.expires_at,
    cancelled_at: run.cancelled_at,
    failed_at: run.failed_at,
    completed_at: run.completed_at,
    required_action: null,
    last_error: run.last_error,
    incomplete_details: run.incomplete_details,
    usage,
  }
  switch (move) {
    case 'claim':
      return { ...next, started_at: now }
    case 'require_action':
      return { ...next, required_action: details.required_action ?? null }
    case 'complete':
      return { ...next, completed_at: now, expires_at: null }
    case 'exhaust':
      return {
        ...next,
        completed_at: now,
        expires_at: null,
        incomplete_details: details.incomplete_details ?? null,
      }
    case 'fail':
      return { ...next, failed_at: now, expires_at: null, last_error: details.last_error ?? null }
    case 'close_cancel':
      return { ...next, cancelled_at: now, expires_at: null }
    case 'submit':
    case 'cancel':
    case 'expire':
      return next
  }
}
