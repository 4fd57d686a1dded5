/** The log lines about runs: one when work on a run starts, one for each recovery, one when it ends or waits. */
import type { RunRow } from '../sql/runs.ts'
import type { Log } from '../util/log.ts'

export function reportStart(log: Log, row: RunRow, answeringModel: string | undefined): void {
  const message = row.trace.at(-1)?.kind === 'recovered' ? 'a run was recovered' : 'a run started'
  log('info', message, { ...idsOf(row), model: row.settings.model, answering_model: answeringModel })
}

/** `durationMs` is the time of the work that has just ended; absent when no worker had the run. */
export function reportEnd(log: Log, row: RunRow, durationMs?: number): void {
  const { status, usage, last_error, incomplete_details, settings } = row
  const reason = last_error?.code ?? incomplete_details?.reason
  log('info', status === 'requires_action' ? 'a run waits for its client' : 'a run ended', {
    ...idsOf(row),
    model: settings.model,
    status,
    ...(reason && { reason }),
    ...(usage && { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens }),
    ...(durationMs !== undefined && { duration_ms: Math.round(durationMs) }),
  })
}

function idsOf({ id, thread_id, assistant_id, attempt }: RunRow): object {
  return { run_id: id, thread_id, assistant_id, attempt }
}
