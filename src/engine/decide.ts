/** Decides what a run does after a turn, by the rules of the API. Pure: no database, no clock. */
import type { FinishReason } from '../models/port.ts'

/** What happened in the turn. */
export interface TurnResult {
  finish_reason: FinishReason
  /** Whether calls wait for the client. */
  waitsForClient: boolean
  /** Whether tools were called at all, known ones or not. */
  calledTools: boolean
}

export type Decision =
  | 'again'
  | 'require_action'
  | 'complete'
  | 'exhaust_completion_tokens'
  | 'content_filter'

/** A cut answer ends the run even where it has calls: their arguments may be cut as well. */
export function decide(result: TurnResult): Decision {
  if (result.finish_reason === 'length') return 'exhaust_completion_tokens'
  if (result.finish_reason === 'content_filter') return 'content_filter'
  if (result.waitsForClient) return 'require_action'
  return result.calledTools ? 'again' : 'complete'
}

/** What is left of a budget over the whole run; undefined when there is no budget. */
export function remaining(budget: number | null, used: number): number | undefined {
  return budget === null ? undefined : Math.max(0, budget - used)
}
