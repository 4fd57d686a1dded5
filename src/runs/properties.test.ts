/** Random facts against the transition function: the invariants of docs/run-lifecycle.md that need no database. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { replayLog } from '../../test/harness/replay-log.ts'
import { functionCall, queuedRow, recorded, usage } from '../../test/harness/run-states.ts'
import type { Message } from '../api/messages.ts'
import { toRun, type RunRow } from '../sql/runs.ts'
import type { StepRow } from '../sql/run-steps.ts'
import { isPossible, next, requested } from './next.ts'
import { hasEnded, type Fact, type RunState, type Transition } from './state.ts'

/** A run as a database would hold it: objects, and the log. */
class Run {
  state: RunState
  readonly messages = new Map<string, Message>()
  readonly steps = new Map<string, StepRow>()
  readonly removed = new Set<string>()
  readonly log: { event: string; data: any }[] = []
  /** Outputs that were recorded, by call id. */
  readonly outputs = new Map<string, string>()
  #ids = 0

  constructor() {
    const created = requested(queuedRow())
    this.state = created.state
    this.#keep(created)
  }

  id(prefix: string): string {
    return `${prefix}_${(this.#ids += 1)}`
  }

  take(fact: Fact): void {
    this.#keep(next(this.state, fact))
  }

  #keep({ state, messages, steps, removed, events }: Transition): void {
    this.state = state
    for (const id of removed) {
      this.messages.delete(id)
      this.steps.delete(id)
      this.removed.add(id)
    }
    for (const message of messages) this.messages.set(message.id, message)
    for (const step of steps) this.steps.set(step.id, step)
    for (const { event, data } of events) this.log.push({ event, data: JSON.parse(data) })
  }
}

/** What holds after every fact. */
function expectInvariants(run: Run, before: RunRow): void {
  const { row, openTurn } = run.state
  // A status changes with its event, and never after the end.
  if (row.status !== before.status) {
    expect(hasEnded(before)).toBe(false)
    expect(run.log.findLast(({ event }) => /^thread\.run\.[a-z_]+$/.test(event))).toEqual({
      event: `thread.run.${row.status}`,
      data: expect.objectContaining({ id: row.id, status: row.status }),
    })
  }
  // Only work has an owner, and the end leaves nothing open.
  if (row.status !== 'in_progress' && row.status !== 'cancelling') expect(row.lease_owner).toBeNull()
  if (hasEnded(row)) {
    const statuses = [...run.messages.values(), ...run.steps.values()].map(({ status }) => status)
    expect(statuses).not.toContain('in_progress')
    expect(openTurn).toBeNull()
  }
  // A recorded output stays what it is.
  for (const call of [...run.steps.values()].flatMap((step) => step.turn?.calls ?? [])) {
    if (call.output !== null) run.outputs.set(call.id, run.outputs.get(call.id) ?? call.output)
    if (run.outputs.has(call.id)) expect(call.output).toBe(run.outputs.get(call.id))
  }
}

function expectLogMakesObjects(run: Run): void {
  const { messages, steps } = replayLog(run.log, run.removed)
  const { openTurn } = run.state
  const open = openTurn?.openMessage ? [openTurn.openMessage.message] : []
  const stored = new Map([...run.messages, ...open.map((message) => [message.id, message] as const)])
  expect(new Map(messages)).toEqual(stored)
  expect([...steps].map(([id, { status }]) => [id, status])).toEqual(
    [...run.steps].map(([id, { status }]) => [id, status]).toSorted(byOrderOf([...steps.keys()])),
  )
}

const byOrderOf = (ids: string[]) => (a: (string | undefined)[], b: (string | undefined)[]) =>
  ids.indexOf(a[0] ?? '') - ids.indexOf(b[0] ?? '')

/** The next fact, from what a worker and clients could do now; `pick` chooses among the possible ones. */
function possibleFacts(run: Run): Fact[] {
  const { row, openTurn } = run.state
  const at = 1001
  const calls =
    openTurn?.callsStep?.step_details.type === 'tool_calls' ? openTurn.callsStep.step_details.tool_calls : []
  const isRecorded = Boolean(openTurn?.callsStep?.turn)
  const isWriting = !isRecorded
  const open = calls.filter((call) => call.type === 'function' && call.function.output === null)
  const outputs = new Map(open.map((call) => [call.id, `output of ${call.id}`]))
  const record = (answered?: string) =>
    recorded(
      ...calls.map(({ id }): [string, string | null] => [
        id,
        id === answered
          ? `output of ${id}`
          : (openTurn?.callsStep?.turn?.calls.find((one) => one.id === id)?.output ?? null),
      ]),
    )
  const unanswered = openTurn?.callsStep?.turn?.calls.findIndex((call) => call.output === null) ?? -1
  const all: (Fact | false)[] = [
    { kind: 'claimed', at, worker: 'worker_1' },
    { kind: 'recovered', at, worker: 'worker_2', step_id: run.id('step') },
    { kind: 'cancel requested', at },
    { kind: 'outputs submitted', at, outputs },
    isWriting &&
      !openTurn?.openMessage && {
        kind: 'message began',
        at,
        message_id: run.id('msg'),
        step_id: run.id('step'),
      },
    Boolean(openTurn?.openMessage) && { kind: 'piece arrived', piece: { type: 'text', text: ' word' } },
    Boolean(openTurn?.openMessage) && { kind: 'piece arrived', piece: { type: 'refusal', refusal: 'no' } },
    isWriting && { kind: 'message completed', at },
    isWriting &&
      !(openTurn?.callsStep && openTurn.openMessage) && {
        kind: 'call began',
        at,
        step_id: run.id('step'),
        call: functionCall(run.id('call'), ''),
      },
    isWriting &&
      calls.length > 0 && {
        kind: 'call grew',
        delta: { index: calls.length - 1, type: 'function', function: { arguments: '{}' } },
      },
    isWriting &&
      calls.length > 0 &&
      !openTurn?.openMessage && { kind: 'calls recorded', calls, turn: record() },
    isRecorded &&
      unanswered >= 0 && {
        kind: 'tool finished',
        index: unanswered,
        call: functionCall(calls[unanswered]?.id ?? '', '{}', `output of ${calls[unanswered]?.id}`),
        turn: record(calls[unanswered]?.id),
      },
    isRecorded && unanswered === -1 && { kind: 'turn ended', at, usage: usage(10, 5), outcome: 'continue' },
    isRecorded && unanswered >= 0 && { kind: 'client must answer', at, calls: open },
    !openTurn?.callsStep && { kind: 'turn ended', at, usage: usage(10, 5), outcome: 'complete' },
    !isRecorded &&
      !(openTurn?.callsStep && openTurn.openMessage) && {
        kind: 'turn ended',
        at,
        usage: usage(10, 5),
        outcome: 'max_tokens',
      },
    !openTurn && { kind: 'budget exhausted', at, reason: 'max_prompt_tokens' },
    { kind: 'stopped', at, ending: { reason: 'expired' } },
    { kind: 'stopped', at, ending: { reason: 'failed', last_error: { code: 'server_error', message: 'x' } } },
  ]
  return all.filter((fact): fact is Fact => fact !== false && isPossible(row.status, fact.kind))
}

/** Runs under random facts; those that end a run are rare, so that runs grow long. */
const choices = fc.array(fc.nat(), { minLength: 1, maxLength: 60 })

function runThrough(picks: readonly number[]): Run {
  const run = new Run()
  for (const pick of picks) {
    const facts = possibleFacts(run)
    const going = facts.filter(({ kind }) => kind !== 'stopped' && kind !== 'cancel requested')
    const pool = pick % 10 === 0 || going.length === 0 ? facts : going
    const fact = pool[Math.floor(pick / 10) % pool.length]
    if (!fact) break
    const before = run.state.row
    run.take(fact)
    expectInvariants(run, before)
  }
  return run
}

test('the log of a run makes its objects, less what its recoveries removed', () => {
  fc.assert(
    fc.property(choices, (picks) => expectLogMakesObjects(runThrough(picks))),
    { numRuns: 400 },
  )
})

test('text of a turn stands in the objects once, whatever was lost when', () => {
  fc.assert(
    fc.property(choices, (picks) => {
      const run = runThrough(picks)
      const { openTurn } = run.state
      const named = [...run.steps.values()].flatMap((step) => step.turn?.message_ids ?? [])
      const own = [
        ...(openTurn?.completed ?? []).map(({ message_id }) => message_id),
        openTurn?.openMessage?.message.id,
      ]
      for (const [id, message] of run.messages) {
        // A message in the objects belongs to a recorded turn, to the open turn, or to the turn that ended the run.
        const isKept = named.includes(id) || own.includes(id) || hasEnded(run.state.row)
        expect([message.status, isKept]).toEqual([message.status, true])
      }
    }),
    { numRuns: 400 },
  )
})

test('an ended run takes no more facts, and its object has what its last event shows', () => {
  fc.assert(
    fc.property(choices, (picks) => {
      const run = runThrough(picks)
      if (!hasEnded(run.state.row)) return
      expect(possibleFacts(run)).toEqual([])
      expect(run.log.at(-1)?.data).toMatchObject({
        ...toRun(run.state.row),
        tool_resources: expect.anything(),
      })
    }),
    { numRuns: 400 },
  )
})

test('the usage of a run is the sum of its turns', () => {
  fc.assert(
    fc.property(choices, (picks) => {
      const { state, steps } = runThrough(picks)
      const counted = [...steps.values()].reduce((sum, step) => sum + (step.usage?.total_tokens ?? 0), 0)
      if (state.row.status === 'completed' || state.row.status === 'failed') {
        expect(state.row.usage?.total_tokens).toBeGreaterThanOrEqual(counted)
      }
      expect(state.spent.total_tokens % 15).toBe(0)
    }),
    { numRuns: 200 },
  )
})
