/** Turns what the model says into messages, steps and their events. */
import type { Message, MessageContentPart } from '../api/messages.ts'
import type { StepToolCall } from '../api/run-steps.ts'
import type { Usage } from '../api/runs.ts'
import { messageDeltaEntry, messageEntry, stepDeltaEntry, stepEntry } from '../domain/run-entries.ts'
import { noUsage } from '../domain/usage.ts'
import type { RunRecord } from '../events/run-record.ts'
import type { Entry } from '../store/run-events.ts'
import type { RecordedCall, StepRow } from '../store/run-steps.ts'
import type { OfferedTool } from '../tools/port.ts'
import { nowSeconds, type Clock } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { RunStopped } from './failure.ts'

/** A call that the model makes in this turn. `index` is its place in the step; unknown functions have none. */
export interface DraftCall {
  id: string
  name: string
  arguments: string
  index: number | undefined
  tool: OfferedTool | undefined
}

interface OpenMessage {
  message: Message
  step: StepRow
  parts: MessageContentPart[]
}

/** Lives for one model turn. */
export class TurnWriter {
  readonly calls: DraftCall[] = []
  readonly #record: RunRecord
  readonly #tools: Map<string, OfferedTool>
  readonly #clock: Clock
  #said: OpenMessage | undefined
  #toolStep: StepRow | undefined
  /** Text that came after calls had begun; it becomes a message of its own when the turn is over. */
  #lateText = ''

  constructor(record: RunRecord, tools: readonly OfferedTool[], clock: Clock) {
    this.#record = record
    this.#tools = new Map(tools.map((tool) => [tool.chat.function.name, tool]))
    this.#clock = clock
  }

  text(value: string): void {
    if (value === '') return
    if (this.calls.length > 0) this.#lateText += value
    else this.#addText(value)
  }

  refusal(refusal: string): void {
    if (refusal === '') return
    const said = this.#openMessage()
    const last = said.parts.at(-1)
    if (last?.type === 'refusal') last.refusal += refusal
    else said.parts.push({ type: 'refusal', refusal })
    this.#tellPart(said, { index: said.parts.length - 1, type: 'refusal', refusal })
  }

  /** The first call of a turn ends the message before it. */
  async beginCall(index: number, id: string, name: string): Promise<void> {
    if (this.calls.length === 0) await this.#endMessage()
    const tool = this.#tools.get(name)
    const place = tool && this.calls.filter((call) => call.tool).length
    this.calls[index] = { id, name, arguments: '', index: place, tool }
    if (!tool || place === undefined) return
    this.#openToolStep([{ index: place, ...tool.begin(id) }])
  }

  continueCall(index: number, fragment: string): void {
    const call = this.calls[index]
    if (!call) throw new Error(`expected call ${index} to have begun`)
    const delta = call.tool?.delta(fragment, call.arguments)
    call.arguments += fragment
    if (delta) this.tellCall(call, delta)
  }

  /** Tells something about a call of the open step. */
  tellCall(call: DraftCall, delta: object): void {
    if (!this.#toolStep || call.index === undefined) return
    this.#record.tell([stepDeltaEntry(this.#toolStep.id, { index: call.index, ...delta })])
  }

  get toolStep(): StepRow | undefined {
    return this.#toolStep
  }

  /** Takes up a step that an earlier owner of the run had recorded. */
  resume(step: StepRow): void {
    this.#toolStep = step
    this.#record.open = { step }
    const known = new Set(
      step.step_details.type === 'tool_calls' ? step.step_details.tool_calls.map((c) => c.id) : [],
    )
    let place = 0
    for (const call of step.turn?.calls ?? []) {
      const index = known.has(call.id) ? place++ : undefined
      const { id, name } = call
      this.calls.push({ id, name, arguments: call.arguments, index, tool: this.#tools.get(name) })
    }
  }

  /** The step's calls are complete, or further on: the row to be written with the next commit. */
  keepToolStep(
    tool_calls: StepToolCall[],
    turn: { calls: RecordedCall[]; usage: Usage },
  ): StepRow | undefined {
    if (!this.#toolStep) return undefined
    this.#toolStep = { ...this.#toolStep, step_details: { type: 'tool_calls', tool_calls }, turn }
    this.#record.open = { step: this.#toolStep }
    return this.#toolStep
  }

  /** Text that came late is said now, between the calls and their outcomes. */
  async sayLateText(): Promise<void> {
    if (this.#lateText === '') return
    const step = this.#toolStep
    this.#addText(this.#lateText)
    this.#lateText = ''
    await this.#endMessage()
    this.#record.open = step ? { step } : {}
  }

  /** The open message and its step as they end; the entries are for the commit that ends them. */
  ended(
    ending: { status: 'completed' } | { status: 'incomplete'; reason: 'max_tokens' | 'content_filter' },
    usage: Usage,
  ): { messages: Message[]; steps: StepRow[]; entries: Entry[] } {
    const now = nowSeconds(this.#clock)
    const said = this.#said
    const open = this.#toolStep ?? said?.step
    const step: StepRow | undefined = open && { ...open, status: 'completed', completed_at: now, usage }
    const message = said && endedMessage(said, ending, now)
    return {
      messages: message ? [message] : [],
      steps: step ? [step] : [],
      entries: [
        ...(message ? [messageEntry(`thread.message.${ending.status}`, message)] : []),
        ...(step ? [stepEntry('thread.run.step.completed', step)] : []),
      ],
    }
  }

  #addText(value: string): void {
    const said = this.#openMessage()
    const last = said.parts.at(-1)
    const isFirst = last?.type !== 'text'
    if (isFirst) said.parts.push({ type: 'text', text: { value, annotations: [] } })
    else last.text.value += value
    const text = isFirst ? { value, annotations: [] } : { value }
    this.#tellPart(said, { index: said.parts.length - 1, type: 'text', text })
  }

  #tellPart(said: OpenMessage, part: object): void {
    said.message.content = said.parts
    this.#record.tell([messageDeltaEntry(said.message.id, part)])
  }

  #openMessage(): OpenMessage {
    if (this.#said) return this.#said
    const now = nowSeconds(this.#clock)
    const { row } = this.#record
    const message: Message = {
      id: newId('message'),
      object: 'thread.message',
      created_at: now,
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
    const step = this.#newStep({ type: 'message_creation', message_creation: { message_id: message.id } })
    const entries = [
      stepEntry('thread.run.step.created', step),
      stepEntry('thread.run.step.in_progress', step),
      messageEntry('thread.message.created', message),
      messageEntry('thread.message.in_progress', message),
    ]
    this.#record.tell(entries, { steps: [step], messages: [{ ...message }], urgency: 'now' })
    this.#said = { message, step, parts: [] }
    this.#record.open = { message, step }
    return this.#said
  }

  /** A message that is followed by calls is complete; its turn is counted on the step of the calls. */
  async #endMessage(): Promise<void> {
    if (!this.#said) return
    const toolStep = this.#toolStep
    this.#toolStep = undefined
    const { messages, steps, entries } = this.ended({ status: 'completed' }, noUsage)
    this.#toolStep = toolStep
    this.#said = undefined
    const result = await this.#record.commit({ entries: () => entries, messages, steps, recorded: true })
    if (result === 'lost') throw new RunStopped('lost')
    this.#record.open = {}
  }

  #openToolStep(calls: object[]): void {
    const before: Entry[] = []
    let steps: StepRow[] = []
    if (!this.#toolStep) {
      const step = this.#newStep({ type: 'tool_calls', tool_calls: [] })
      this.#toolStep = step
      this.#record.open = { step }
      steps = [step]
      before.push(stepEntry('thread.run.step.created', step), stepEntry('thread.run.step.in_progress', step))
    }
    const { id } = this.#toolStep
    const told = [...before, ...calls.map((call) => stepDeltaEntry(id, call))]
    this.#record.tell(told, { steps, urgency: before.length > 0 ? 'now' : 'soon' })
  }

  #newStep(step_details: StepRow['step_details']): StepRow {
    return newStep(this.#record.row, step_details, nowSeconds(this.#clock))
  }
}

function endedMessage(
  said: OpenMessage,
  ending: { status: 'completed' } | { status: 'incomplete'; reason: 'max_tokens' | 'content_filter' },
  now: number,
): Message {
  const { message } = said
  if (ending.status === 'completed') return { ...message, status: 'completed', completed_at: now }
  const incomplete_details = { reason: ending.reason }
  return { ...message, status: 'incomplete', incomplete_details, incomplete_at: now }
}

export function newStep(
  row: RunRecord['row'],
  step_details: StepRow['step_details'],
  created_at: number,
): StepRow {
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
