/** State, fact and transition of a run, and what transitions change of the row. docs/run-lifecycle.md explains them. */
import type { StepToolCallDelta } from '../api/events.ts'
import type { Message } from '../api/messages.ts'
import type { StepToolCall } from '../api/run-steps.ts'
import { noUsage, type Run, type RunError, type RunStatus, type Usage } from '../api/runs.ts'
import type { LogEvent } from '../sql/run-events.ts'
import type { RecordedTurn, StepRow } from '../sql/run-steps.ts'
import type { RunRow } from '../sql/runs.ts'
import type { MessagePiece } from './content.ts'

/** Everything that decides what a run may do next. */
export interface RunState {
  row: RunRow
  /** Usage of the turns that have ended. */
  spent: Usage
  /** How many turns have ended. */
  turns: number
  /** The turn whose answer is being received, or whose calls are being answered; null between turns. */
  openTurn: OpenTurn | null
}

/** A turn that has not ended. `RecordedTurn` is what the database keeps of a turn, on one of its steps. */
export interface OpenTurn {
  /** The messages of this turn that are completed, with their steps. */
  completed: { message_id: string; step: StepRow }[]
  /** The message that is being written, with its step. */
  openMessage: { message: Message; step: StepRow } | null
  /** The step with the calls. Its `turn` is set once the calls are recorded: then the model is not called again. */
  callsStep: StepRow | null
}

/** Why a run ends before its work is done. */
export type Ending =
  | { reason: 'cancelled' }
  | { reason: 'expired' }
  | { reason: 'failed'; last_error: RunError }

/** Something that happened to a run. Times (`at`, Unix seconds) and ids come with the fact. */
export type Fact =
  | { kind: 'claimed'; at: number; worker: string }
  | { kind: 'recovered'; at: number; worker: string; step_id: string }
  | { kind: 'cancel requested'; at: number }
  | { kind: 'outputs submitted'; at: number; outputs: ReadonlyMap<string, string> }
  | { kind: 'message began'; at: number; message_id: string; step_id: string }
  | { kind: 'piece arrived'; piece: MessagePiece }
  | { kind: 'message completed'; at: number }
  /** `step_id` is used when it is the first call of the turn. */
  | { kind: 'call began'; at: number; step_id: string; call: StepToolCall }
  /** Arguments or outputs of a call have grown. */
  | { kind: 'call grew'; delta: StepToolCallDelta }
  /** The calls are complete. From now on they are answered, and the model is not called for them again. */
  | { kind: 'calls recorded'; calls: StepToolCall[]; turn: RecordedTurn }
  | { kind: 'tool finished'; index: number; call: StepToolCall; turn: RecordedTurn }
  /** `turn` records a turn that has no step of calls. */
  | { kind: 'turn ended'; at: number; usage: Usage; outcome: TurnOutcome; turn?: RecordedTurn | undefined }
  | { kind: 'client must answer'; at: number; calls: StepToolCall[] }
  | { kind: 'budget exhausted'; at: number; reason: 'max_completion_tokens' | 'max_prompt_tokens' }
  | { kind: 'stopped'; at: number; ending: Ending }

/** A fact of one kind. */
export type FactOf<K extends Fact['kind']> = Extract<Fact, { kind: K }>

/** What follows a turn: the next one, or the end of the run. */
export type TurnOutcome = 'continue' | 'complete' | 'max_tokens' | 'content_filter'

/** An event of a transition. An early one may be emitted before it is committed. */
export interface TransitionEvent extends LogEvent {
  isEarly: boolean
}

/** What a fact changes. */
export interface Transition {
  state: RunState
  /** Objects as they now are. */
  steps: StepRow[]
  messages: Message[]
  /** Ids of messages and steps that are deleted. */
  removed: string[]
  events: TransitionEvent[]
}

/** The state of a run without steps, and for transitions that need the row only. */
export function emptyState(row: RunRow): RunState {
  return { row, spent: noUsage, turns: 0, openTurn: null }
}

/** A transition without changes; callers replace the parts that do change. */
export function unchanged(state: RunState): Transition {
  return { state, steps: [], messages: [], removed: [], events: [] }
}

/** Events that are emitted once they are committed. */
export function committed(...events: LogEvent[]): TransitionEvent[] {
  return events.map(({ event, data }) => ({ event, data, isEarly: false }))
}

/** Events that may be emitted before they are committed. */
export function early(...events: LogEvent[]): TransitionEvent[] {
  return events.map(({ event, data }) => ({ event, data, isEarly: true }))
}

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

/** The usage of a step so far. An open step shows no usage, but its recorded turn has one. */
export function spentOn(step: Pick<StepRow, 'usage' | 'turn'> | undefined): Usage | null {
  return step?.usage ?? step?.turn?.usage ?? null
}

/** The sum; null counts as no usage. */
export function sumUsage(all: readonly (Usage | null)[]): Usage {
  return all.reduce<Usage>((sum, usage) => {
    if (!usage) return sum
    return {
      prompt_tokens: sum.prompt_tokens + usage.prompt_tokens,
      completion_tokens: sum.completion_tokens + usage.completion_tokens,
      total_tokens: sum.total_tokens + usage.total_tokens,
      prompt_token_details: {
        cached_tokens:
          (sum.prompt_token_details?.cached_tokens ?? 0) + (usage.prompt_token_details?.cached_tokens ?? 0),
      },
      completion_tokens_details: {
        reasoning_tokens:
          (sum.completion_tokens_details?.reasoning_tokens ?? 0) +
          (usage.completion_tokens_details?.reasoning_tokens ?? 0),
      },
    }
  }, noUsage)
}
