import { describe, expect, test } from 'vitest'
import {
  after,
  facts,
  functionCall,
  queued,
  queuedRow,
  recorded,
  states,
  usage,
} from '../../test/harness/run-states.ts'
import { isPossible, next, requested } from './next.ts'
import type { Fact, Transition } from './state.ts'

/** Names of events; early ones have a star. */
const names = ({ events }: Transition) => events.map(({ event, isEarly }) => (isEarly ? `${event}*` : event))

/** What becomes of the objects. */
const objects = ({ messages, steps, removed }: Transition) => ({
  messages: messages.map(({ id, status }) => `${id} ${status}`),
  steps: steps.map(({ id, status }) => `${id} ${status}`),
  removed,
})

describe('one row of the table each', () => {
  test('– | requested', () => {
    expect(names(requested(queuedRow()))).toEqual(['thread.run.created', 'thread.run.queued'])
  })

  test('queued | claimed', () => {
    const claimed = next(states.queued(), facts.claimed)
    expect(names(claimed)).toEqual(['thread.run.in_progress'])
    expect(claimed.state.row).toMatchObject({
      status: 'in_progress',
      lease_owner: 'worker_1',
      attempt: 1,
      started_at: 1001,
    })
  })

  test('in progress | message began', () => {
    const began = next(states['in progress'](), facts.messageBegan)
    expect(names(began)).toEqual([
      'thread.run.step.created*',
      'thread.run.step.in_progress*',
      'thread.message.created*',
      'thread.message.in_progress*',
    ])
    expect(objects(began)).toMatchObject({ messages: ['msg_1 in_progress'], steps: ['step_1 in_progress'] })
  })

  test('open message | piece arrived', () => {
    const grown = next(states['open message'](), {
      kind: 'piece arrived',
      piece: { type: 'text', text: '!' },
    })
    expect(names(grown)).toEqual(['thread.message.delta*'])
    expect(objects(grown)).toEqual({ messages: [], steps: [], removed: [] })
    expect(grown.state.openTurn?.openMessage?.message.content).toMatchObject([{ text: { value: 'Hello!' } }])
  })

  test('open message | call began', () => {
    const began = next(states['open message'](), facts.callBegan)
    expect(names(began)).toEqual([
      'thread.message.completed',
      'thread.run.step.completed',
      'thread.run.step.created*',
      'thread.run.step.in_progress*',
      'thread.run.step.delta*',
    ])
    expect(objects(began)).toMatchObject({
      messages: ['msg_1 completed'],
      steps: ['step_1 completed', 'step_calls in_progress'],
    })
  })

  test('open calls | call grew', () => {
    const grown = next(states['open calls'](), facts.callGrew)
    expect(names(grown)).toEqual(['thread.run.step.delta*'])
  })

  test('open calls | calls recorded, with the messages of the turn', () => {
    const both = after(states['open message'](), facts.callBegan, facts.callsRecorded)
    expect(names(both)).toEqual([])
    expect(both.steps).toMatchObject([{ id: 'step_calls', turn: { message_ids: ['msg_1'] } }])
  })

  test('recorded calls | tool finished', () => {
    const finished = next(states['recorded calls'](), facts.toolFinished)
    expect(names(finished)).toEqual([])
    expect(finished.steps[0]?.turn?.calls).toMatchObject([{ id: 'call_1', output: 'noon' }])
  })

  test('recorded calls | turn ended, continue', () => {
    const ended = after(states['recorded calls'](), facts.toolFinished, facts.turnContinues)
    expect(names(ended)).toEqual(['thread.run.step.completed'])
    expect(ended.state).toMatchObject({ openTurn: null, turns: 1, spent: usage(10, 5) })
  })

  test('recorded calls | client must answer', () => {
    const waiting = next(states['recorded calls'](), facts.clientMustAnswer)
    expect(names(waiting)).toEqual(['thread.run.requires_action'])
    expect(waiting.state.row).toMatchObject({ status: 'requires_action', lease_owner: null })
    expect(waiting.state.row.required_action?.submit_tool_outputs.tool_calls).toEqual([
      { id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{}' } },
    ])
  })

  test('requires action | outputs submitted', () => {
    const submitted = next(states['requires action'](), facts.submitted)
    expect(names(submitted)).toEqual(['thread.run.step.completed', 'thread.run.queued'])
    expect(submitted.steps[0]?.step_details).toMatchObject({
      tool_calls: [functionCall('call_1', '{}', 'noon')],
    })
    expect(submitted.steps[0]?.turn?.calls).toMatchObject([{ output: 'noon' }])
    expect(submitted.state.row).toMatchObject({ status: 'queued', required_action: null })
  })

  test('open message | turn ended, complete', () => {
    const ended = next(states['open message'](), facts.turnCompletes)
    expect(names(ended)).toEqual([
      'thread.message.completed',
      'thread.run.step.completed',
      'thread.run.completed',
    ])
    expect(ended.state.row).toMatchObject({ status: 'completed', usage: usage(10, 5), lease_owner: null })
  })

  test('open message | turn ended, cut', () => {
    const ended = next(states['open message'](), facts.turnIsCut)
    expect(names(ended)).toEqual([
      'thread.message.incomplete',
      'thread.run.step.completed',
      'thread.run.incomplete',
    ])
    expect(ended.messages[0]?.incomplete_details).toEqual({ reason: 'max_tokens' })
    expect(ended.state.row.incomplete_details).toEqual({ reason: 'max_completion_tokens' })
  })

  test('in progress | budget exhausted', () => {
    const ended = next(states['in progress'](), facts.budgetExhausted)
    expect(names(ended)).toEqual(['thread.run.incomplete'])
  })

  test.each(['queued', 'in progress', 'open message', 'open calls', 'requires action'] as const)(
    '%s | cancel requested',
    (name) => {
      const requestedCancel = next(states[name](), facts.cancelRequested)
      expect(names(requestedCancel)).toEqual(['thread.run.cancelling'])
      expect(objects(requestedCancel)).toEqual({ messages: [], steps: [], removed: [] })
    },
  )

  test('cancelling | stopped', () => {
    const ended = next(states.cancelling(), facts.cancelled)
    expect(names(ended)).toEqual([
      'thread.message.incomplete',
      'thread.run.step.cancelled',
      'thread.run.cancelled',
    ])
    expect(ended.messages[0]?.incomplete_details).toEqual({ reason: 'run_cancelled' })
  })

  test.each(['turnCompletes', 'turnIsCut', 'budgetExhausted', 'failed', 'expired'] as const)(
    'cancelling | %s: the cancel wins',
    (name) => {
      expect(next(states.cancelling(), facts[name])).toEqual(next(states.cancelling(), facts.cancelled))
    },
  )

  test('cancelling | client must answer: the cancel wins', () => {
    const state = after(states['recorded calls'](), facts.cancelRequested).state
    expect(names(next(state, facts.clientMustAnswer))).toEqual([
      'thread.run.step.cancelled',
      'thread.run.cancelled',
    ])
  })

  test.each([
    ['queued', ['thread.run.expired']],
    ['open message', ['thread.message.incomplete', 'thread.run.step.expired', 'thread.run.expired']],
    ['requires action', ['thread.run.step.expired', 'thread.run.expired']],
  ] as const)('%s | stopped, expired', (name, expected) => {
    const ended = next(states[name](), facts.expired)
    expect(names(ended)).toEqual(expected)
    expect(ended.state.row.expires_at).toBe(1600)
  })

  test('open message and open calls | stopped, failed: all three objects are closed', () => {
    const state = after(states['open calls'](), facts.messageBegan, facts.piece).state
    const ended = next(state, facts.failed)
    expect(names(ended)).toEqual([
      'thread.message.incomplete',
      'thread.run.step.failed',
      'thread.run.step.failed',
      'thread.run.failed',
    ])
    expect(ended.state.row.last_error?.message).toBe('It broke.')
  })
})

describe('a recovery', () => {
  test('in progress, no turn: nothing is repeated', () => {
    const again = next(states['in progress'](), facts.recovered)
    expect(names(again)).toEqual([])
    expect(again.state.row).toMatchObject({ attempt: 2, lease_owner: 'worker_2', recoveries: 1, losses: 0 })
  })

  test('an open message: it is closed in the log and removed', () => {
    const again = next(states['open message'](), facts.recovered)
    expect(names(again)).toEqual(['thread.message.incomplete', 'thread.run.step.failed'])
    expect(objects(again)).toEqual({ messages: [], steps: [], removed: ['msg_1', 'step_1'] })
    expect(again.state).toMatchObject({ openTurn: null, row: { losses: 1 } })
  })

  test('calls that were not recorded: the complete text before them is removed too', () => {
    const again = after(states['open message'](), facts.callBegan, facts.recovered)
    expect(names(again)).toEqual(['thread.run.step.failed'])
    expect(again.removed).toEqual(['step_calls', 'msg_1', 'step_1'])
    expect(again.state.row.trace.at(-1)).toMatchObject({ kind: 'recovered', removed: again.removed })
  })

  test('recorded calls: they continue under a new step, and outputs that exist are kept', () => {
    const calls: Fact = {
      kind: 'calls recorded',
      calls: [functionCall('call_1'), functionCall('call_2')],
      turn: recorded(['call_1', null], ['call_2', null]),
    }
    const done: Fact = { ...facts.toolFinished, turn: recorded(['call_1', 'noon'], ['call_2', null]) }
    const again = after(states['open message'](), facts.callBegan, calls, done, facts.recovered)
    expect(names(again)).toEqual([
      'thread.run.step.failed',
      'thread.run.step.created',
      'thread.run.step.in_progress',
      'thread.run.step.delta',
      'thread.run.step.delta',
    ])
    expect(objects(again)).toEqual({
      messages: [],
      steps: ['step_again in_progress'],
      removed: ['step_calls'],
    })
    expect(again.state.openTurn?.callsStep?.turn?.calls.map(({ output }) => output)).toEqual(['noon', null])
  })

  test('released by its worker: it counts nothing', () => {
    const state = states['open message']()
    const again = next({ ...state, row: { ...state.row, lease_owner: null } }, facts.recovered)
    expect(again.state.row).toMatchObject({ recoveries: 0, losses: 0 })
  })

  test('after three losses with visible work: the run fails', () => {
    let state = states['open message']()
    for (let losses = 1; losses <= 3; losses += 1) {
      state = after(state, facts.recovered, facts.messageBegan, facts.piece).state
      expect(state.row).toMatchObject({ losses, status: 'in_progress' })
    }
    const ended = next(state, facts.recovered)
    expect(names(ended).at(-1)).toBe('thread.run.failed')
    expect(ended.state.row).toMatchObject({ status: 'failed', lease_owner: null })
  })

  test('progress forgives: a recorded turn sets the counts back', () => {
    const state = after(
      states['recorded calls'](),
      facts.recovered,
      facts.toolFinished,
      facts.turnContinues,
    ).state
    expect(state.row).toMatchObject({ recoveries: 0, losses: 0 })
  })
})

test('a fact that is not possible names the fact and the status', () => {
  expect(() => next(queued(), facts.submitted)).toThrow(
    "the fact 'outputs submitted' is not possible for a run that is queued",
  )
  expect(isPossible('completed', 'cancel requested')).toBe(false)
})
