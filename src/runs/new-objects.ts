/** New messages and steps, in progress. */
import type { Message } from '../api/messages.ts'
import type { StepRow } from '../sql/run-steps.ts'
import type { RunRow } from '../sql/runs.ts'

export function newStep(
  row: RunRow,
  step: { id: string; created_at: number; step_details: StepRow['step_details'] },
): StepRow {
  const { id, created_at, step_details } = step
  return {
    id,
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

export function newMessage(row: RunRow, { id, created_at }: { id: string; created_at: number }): Message {
  return {
    id,
    object: 'thread.message',
    created_at,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    run_id: row.id,
    status: 'in_progress',
    incomplete_details: null,
    incomplete_at: null,
    completed_at: null,
    role: 'assistant',
    content: [],
    attachments: [],
    metadata: {},
  }
}
