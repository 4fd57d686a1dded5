/** Runs without a server: rows, facts and states for tests of the transition function. */
import type { StepToolCall } from '../../src/api/run-steps.ts'
import { next, requested } from '../../src/runs/next.ts'
import type { Fact, RunState, Transition } from '../../src/runs/state.ts'
import { noUsage } from '../../src/api/runs.ts'
import { newRunRow } from '../../src/domain/new-run.ts'
import type { RecordedTurn } from '../../src/sql/run-steps.ts'
import type { RunRow } from '../../src/sql/runs.ts'

/** A row that has just been created, with the status `queued`. */
export function queuedRow(): RunRow {
  return newRunRow(
    { runExpiresSeconds: 600 },
    {
      project: 'default',
      thread_id: 'thread_1',
      run_id: 'run_1',
      request: { assistant_id: 'asst_1' },
      settings: {
        model: 'gpt-4o',
        instructions: null,
        tools: [],
        tool_resources: {},
        temperature: 1,
        top_p: 1,
        reasoning_effort: null,
        max_completion_tokens: null,
        max_prompt_tokens: null,
        truncation_strategy: { type: 'auto', last_messages: null },
        response_format: 'auto',
        tool_choice: 'auto',
        parallel_tool_calls: true,
        resources: {},
        include_search_content: false,
      },
      now: 1000,
    },
  )
}

export const queued = (): RunState => requested(queuedRow()).state

/** The last of several transitions, one after the other. */
export function after(state: RunState, ...facts: Fact[]): Transition {
  let last: Transition | undefined
  for (const fact of facts) last = next(last?.state ?? state, fact)
  if (!last) throw new Error('expected a fact')
  return last
}

/** A call of a function, as its step shows it. */
export function functionCall(id: string, text = '{}', output: string | null = null): StepToolCall {
  return { id, type: 'function', function: { name: 'get_time', arguments: text, output } }
}

/** The record of a turn with these calls. */
export function recorded(...calls: [id: string, output: string | null][]): RecordedTurn {
  return {
    calls: calls.map(([id, output]) => ({ id, name: 'get_time', arguments: '{}', output })),
    usage: usage(10, 5),
  }
}

export function usage(prompt_tokens: number, completion_tokens: number) {
  return { ...noUsage, prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

const at = 1001

export const facts = {
  claimed: { kind: 'claimed', at, worker: 'worker_1' },
  recovered: { kind: 'recovered', at, worker: 'worker_2', step_id: 'step_again' },
  cancelRequested: { kind: 'cancel requested', at },
  submitted: { kind: 'outputs submitted', at, outputs: new Map([['call_1', 'noon']]) },
  messageBegan: { kind: 'message began', at, message_id: 'msg_1', step_id: 'step_1' },
  piece: { kind: 'piece arrived', piece: { type: 'text', text: 'Hello' } },
  messageCompleted: { kind: 'message completed', at },
  callBegan: { kind: 'call began', at, step_id: 'step_calls', call: functionCall('call_1', '') },
  callGrew: { kind: 'call grew', delta: { index: 0, type: 'function', function: { arguments: '{}' } } },
  callsRecorded: {
    kind: 'calls recorded',
    calls: [functionCall('call_1')],
    turn: recorded(['call_1', null]),
  },
  toolFinished: {
    kind: 'tool finished',
    index: 0,
    call: functionCall('call_1', '{}', 'noon'),
    turn: recorded(['call_1', 'noon']),
  },
  turnContinues: { kind: 'turn ended', at, usage: usage(10, 5), outcome: 'continue' },
  turnCompletes: { kind: 'turn ended', at, usage: usage(10, 5), outcome: 'complete' },
  turnIsCut: { kind: 'turn ended', at, usage: usage(10, 5), outcome: 'max_tokens' },
  clientMustAnswer: { kind: 'client must answer', at, calls: [functionCall('call_1')] },
  budgetExhausted: { kind: 'budget exhausted', at, reason: 'max_completion_tokens' },
  cancelled: { kind: 'stopped', at, ending: { reason: 'cancelled' } },
  expired: { kind: 'stopped', at, ending: { reason: 'expired' } },
  failed: {
    kind: 'stopped',
    at,
    ending: { reason: 'failed', last_error: { code: 'server_error', message: 'It broke.' } },
  },
} satisfies Record<string, Fact>

/** States by name, as the table of docs/run-lifecycle.md has them. */
export const states = {
  queued,
  'in progress': () => after(queued(), facts.claimed).state,
  'open message': () => after(queued(), facts.claimed, facts.messageBegan, facts.piece).state,
  'open calls': () => after(queued(), facts.claimed, facts.callBegan, facts.callGrew).state,
  'recorded calls': () =>
    after(queued(), facts.claimed, facts.callBegan, facts.callGrew, facts.callsRecorded).state,
  'requires action': () =>
    after(queued(), facts.claimed, facts.callBegan, facts.callsRecorded, facts.clientMustAnswer).state,
  cancelling: () =>
    after(queued(), facts.claimed, facts.messageBegan, facts.piece, facts.cancelRequested).state,
}
