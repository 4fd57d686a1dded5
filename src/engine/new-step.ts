/** A step as it begins. */
import type { RunRow } from '../sql/runs.ts'
import type { StepRow } from '../sql/run-steps.ts'
import { newId } from '../util/ids.ts'

export function newStep(row: RunRow, step_details: StepRow['step_details'], created_at: number): StepRow {
  return {
    id: newId('step'),
    object: 'thread.run.step',
    created_at,
    run_id: row.id,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    type: step_details.type,
    status: 'in_progress',
    cancelled_at: null,
    completed_at: null,
    expires_at: row.expires_at,
    expired_at: null,
    failed_at: null,
    last_error: null,
    step_details,
    usage: null,
    turn: null,
  }
}
