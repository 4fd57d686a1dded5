/** Turns an error of the work on a run into its `last_error`, in the wording of the live API. */
import type { RunError } from '../api/runs.ts'
import { internalError } from '../runs/recover.ts'
import { ModelFailure } from '../models/port.ts'
import { ToolFailure } from '../tools/port.ts'

/** Why the work on a run was stopped from outside. */
export type StopReason = 'cancelled' | 'expired' | 'lost' | 'stopping'

/** The reason of a run's abort signal. */
export class RunStopped extends Error {
  readonly why: StopReason
  constructor(why: StopReason) {
    super(`the run was stopped: ${why}`)
    this.name = 'RunStopped'
    this.why = why
  }
}

/** A failure whose message is meant for the user. */
export class RunFailure extends Error {
  readonly code: RunError['code']
  constructor(code: RunError['code'], message: string) {
    super(message)
    this.name = 'RunFailure'
    this.code = code
  }
}

export function lastError(error: unknown): RunError {
  if (error instanceof ToolFailure) return { code: 'server_error', message: error.message }
  if (error instanceof ModelFailure || error instanceof RunFailure) {
    return { code: error.code, message: error.message }
  }
  return internalError
}
