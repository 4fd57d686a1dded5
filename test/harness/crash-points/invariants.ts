/** What must hold when a run has ended, after any fault: the invariants of docs/run-lifecycle.md. */
import { expect } from 'vitest'
import type { Message } from '../../../src/api/messages.ts'
import type { Queryable } from '../../../src/database/database.ts'
import { readEvents } from '../../../src/sql/run-events.ts'
import { listRunSteps, stepsOfRun, type RecordedCall, type StepRow } from '../../../src/sql/run-steps.ts'
import { newestMessages } from '../../../src/sql/messages.ts'
import { activeRunId, toRun, type RunRow } from '../../../src/sql/runs.ts'
import { replayLog, type LoggedEvent } from '../replay-log.ts'
import type { World } from './engine-process.ts'
import { outputOf, type Play } from './play.ts'
import { newestRun } from './rows.ts'
import { turnUsage, type Scenario } from './scenarios.ts'

/** Throws for each invariant that does not hold. */
export async function expectInvariants(world: World, scenario: Scenario, play: Play): Promise<void> {
  const { db } = world
  const row = await newestRun(db, play.thread_id)
  if (!row) throw new Error('there is no run')
  const steps = await stepsOfRun(db, row.id)
  const all = await newestMessages(db, play.thread_id, { limit: 100 })
  const messages = all.filter(({ run_id }) => run_id === row.id).map(({ seq: _, ...message }) => message)
  const log = await logOf(db, row)
  expectEnd(row, scenario, play)
  expectTextsOnce(messages, scenario)
  expectCallsOnce(steps, scenario, { world, play })
  expectUsage(row, scenario)
  await expectLogMakesObjects(db, { row, log, messages, steps })
  expectSeenIsCommitted(world, log)
  // The thread has no active run, and the message of the client is kept.
  expect(await activeRunId(db, play.thread_id)).toBeUndefined()
  expect(all[0]?.content).toMatchObject([{ text: { value: 'Hello' } }])
}

/** The run has the status of the scenario and no owner. */
function expectEnd(row: RunRow, scenario: Scenario, { acknowledged }: Play): void {
  expect(row.status).toBe(scenario.status)
  expect(row.lease_owner).toBeNull()
  expect(row.required_action).toBeNull()
  const { run_id = row.id, isCancelled } = acknowledged
  expect(row.id).toBe(run_id)
  if (isCancelled) expect(row.cancelled_at).not.toBeNull()
}

/** Each text once and in order. The text of a run that was stopped may be incomplete. */
function expectTextsOnce(messages: Message[], { texts, status }: Scenario): void {
  const found = messages.map(textOf)
  if (status === 'completed') expect(found).toEqual(texts)
  expect(found.length).toBeLessThanOrEqual(texts.length)
  for (const [index, text] of found.entries()) expect(texts[index]?.startsWith(text)).toBe(true)
  expect(messages.map((message) => message.status)).not.toContain('in_progress')
}

function textOf({ content }: Message): string {
  return content
    .map((part) => {
      if (part.type === 'text') return part.text.value
      return part.type === 'refusal' ? part.refusal : ''
    })
    .join('')
}

/** Each call is in one step; a recorded output is kept, and its tool is not run again. */
function expectCallsOnce(
  steps: StepRow[],
  { calls, status, answer }: Scenario,
  { world, play }: { world: World; play: Play },
): void {
  const shown = steps.flatMap(({ step_details }) =>
    step_details.type === 'tool_calls' ? step_details.tool_calls : [],
  )
  const ids = shown.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  if (status === 'completed') expect(ids).toEqual(calls)
  for (const id of ids) expect(calls).toContain(id)
  const recorded = steps.flatMap(({ turn }) => turn?.calls ?? [])
  const outputs = new Map(recorded.map(({ id, output }) => [id, output]))
  expect(outputs.size).toBe(recorded.length)
  for (const call of shown) {
    if (call.type === 'function' && answer === 'submit' && status === 'completed') {
      expect(call.function.output).toBe(outputOf(call.id))
    }
    if (call.type === 'code_interpreter' && status === 'completed') {
      expect(call.code_interpreter.outputs).toHaveLength(1)
    }
  }
  // A cell begins when its call is recorded, and never again once its output is.
  for (const { code, recorded: known } of world.cells) expect(known.map(codeOf)).toContain(code)
  for (const { calls: before, cells } of play.atStop) {
    const later = world.cells.slice(cells).map(({ code }) => code)
    for (const call of before) {
      if (call.output === null) continue
      expect([call.id, outputs.get(call.id)]).toEqual([call.id, call.output])
      expect(later).not.toContain(codeOf(call))
    }
  }
}

function codeOf(call: RecordedCall): string | undefined {
  return (JSON.parse(call.arguments) as { code?: string }).code
}

/** The usage of a completed run counts each turn once, also when the model was called again. */
function expectUsage({ usage, status }: RunRow, { turns }: Scenario): void {
  if (status !== 'completed') return
  expect(usage).toMatchObject({
    prompt_tokens: turnUsage.prompt_tokens * turns.length,
    completion_tokens: turnUsage.completion_tokens * turns.length,
  })
}

/** The log without gaps, from the first event on. */
async function logOf(db: Queryable, row: RunRow): Promise<LoggedEvent[]> {
  const entries = await readEvents(db, row.id, 0)
  expect(entries.map(({ number }) => number)).toEqual(entries.map((_, index) => index + 1))
  expect(entries).toHaveLength(row.event_count)
  return entries.map(({ event, data }) => ({ event, data: JSON.parse(data) }))
}

async function expectLogMakesObjects(
  db: Queryable,
  { row, log, messages, steps }: { row: RunRow; log: LoggedEvent[]; messages: Message[]; steps: StepRow[] },
): Promise<void> {
  const removed = row.trace.flatMap((entry) => (entry['removed'] as string[] | undefined) ?? [])
  const made = replayLog(log, removed)
  expect([...made.messages.values()]).toEqual(messages)
  const { project, thread_id, id: run_id } = row
  const page = { limit: 100, order: 'asc' as const, withSearchContent: false }
  const { data } = await listRunSteps(db, { project, thread_id, run_id }, page)
  expect(steps).toHaveLength(data.length)
  // Streams show when a completed step would have expired, and the object does not.
  const streamed = [...made.steps.values()].map((step) => ({
    ...step,
    expires_at: step.status === 'completed' ? null : step.expires_at,
  }))
  expect(streamed.toSorted(byId)).toEqual(data.toSorted(byId))
  const last = log.at(-1)
  expect(last?.event).toBe(`thread.run.${row.status}`)
  expect(last?.data).toMatchObject({ ...toRun(row), tool_resources: expect.anything() })
}

const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id)

/** Every end that a client received is in the log: only early events may be lost. */
function expectSeenIsCommitted({ seen }: World, log: LoggedEvent[]): void {
  const known = new Set(log.map(({ event, data }) => `${event} ${JSON.stringify(data)}`))
  for (const { event, data } of seen) {
    if (!/\.completed$|^thread\.run\.[a-z_]+$/.test(event)) continue
    expect(known).toContain(`${event} ${JSON.stringify(JSON.parse(data))}`)
  }
}
