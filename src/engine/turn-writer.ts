/** Turns what the model says into messages, steps and their events. */
import { isDeepStrictEqual } from 'node:util'
import type { Message } from '../api/messages.ts'
import type { StepToolCall } from '../api/run-steps.ts'
import type { Usage } from '../api/runs.ts'
import { messageDeltaEntry, messageEntry, stepDeltaEntry, stepEntry } from '../domain/run-entries.ts'
import { noUsage } from '../domain/usage.ts'
import type { Extras, TurnExtras } from '../models/port.ts'
import type { RunRecord } from '../runs/run-record.ts'
import type { Entry } from '../sql/run-events.ts'
import type { Mark, RecordedTurn, StepRow } from '../sql/run-steps.ts'
import type { OfferedTool } from '../tools/port.ts'
import { nowSeconds, type Clock } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { RunStopped } from './failure.ts'
import { MarkFinder, type MarkedPiece } from './find-marks.ts'
import { addPiece, endedMessage, type MessageEnding, type OpenMessage } from './message-text.ts'
import { newStep } from './new-step.ts'

/** A call that the model makes in this turn. `index` is its place in the step; unknown functions have none. */
export interface DraftCall {
  id: string
  name: string
  arguments: string
  index: number | undefined
  tool: OfferedTool | undefined
  /** What the provider wants back with the call. */
  extras?: Extras | undefined
  /** Reads the arguments as they come. */
  read?: ((fragment: string) => object | undefined) | undefined
}

/** What earlier tool calls left for the answer. */
export interface Findings {
  /** Texts that become annotations where the answer has them. */
  marks: readonly Mark[]
  /** Images that stand before the text of the next message, by file id. */
  image_file_ids: readonly string[]
}

interface TurnOptions {
  tools: readonly OfferedTool[]
  clock: Clock
  findings: Findings
}

/** Characters of a turn's extras that are stored. Reasoning and signatures of real providers are far below. */
const maxExtras = 1024 * 1024

/** Lives for one model turn. */
export class TurnWriter {
  readonly calls: DraftCall[] = []
  readonly #record: RunRecord
  readonly #tools: Map<string, OfferedTool>
  readonly #clock: Clock
  readonly #findings: Findings
  #hasShownImages = false
  #said: OpenMessage | undefined
  #toolStep: StepRow | undefined
  /** What the turn's record holds besides its calls and usage. */
  #turn: Omit<RecordedTurn, 'calls' | 'usage'> = {}
  /** Calls beyond the first where only one is wanted: some models do not listen to `parallel_tool_calls`. */
  readonly #surplus = new Set<number>()
  /** What came after calls had begun; it becomes a message of its own when the turn is over. */
  #lateText = ''
  #lateRefusal = ''

  constructor(record: RunRecord, options: TurnOptions) {
    this.#record = record
    this.#tools = new Map(options.tools.map((tool) => [tool.chat.function.name, tool]))
    this.#clock = options.clock
    this.#findings = options.findings
  }

  text(value: string): void {
    if (value === '') return
    if (this.calls.length > 0) this.#lateText += value
    else this.#addText(value)
  }

  refusal(refusal: string): void {
    if (refusal === '') return
    if (this.calls.length > 0) this.#lateRefusal += refusal
    else this.#addRefusal(refusal)
  }

  #addRefusal(refusal: string): void {
    const said = this.#openMessage()
    const last = said.parts.at(-1)
    if (last?.type === 'refusal') last.refusal += refusal
    else said.parts.push({ type: 'refusal', refusal })
    this.#tellPart(said, { index: said.parts.length - 1, type: 'refusal', refusal })
  }

  /** The first call of a turn ends the message before it. */
  async beginCall(index: number, id: string, name: string): Promise<void> {
    if (this.calls.length > 0 && !this.#record.row.settings.parallel_tool_calls) {
      this.#surplus.add(index)
      return
    }
    if (this.calls.length === 0) await this.#endMessage()
    const tool = this.#tools.get(name)
    const place = tool && this.calls.filter((call) => call.tool).length
    this.calls[index] = { id, name, arguments: '', index: place, tool, read: tool?.reader() }
    if (!tool || place === undefined) return
    this.#openToolStep([{ index: place, ...tool.begin(id) }])
  }

  continueCall(index: number, fragment: string): void {
    if (this.#surplus.has(index)) return
    const call = this.calls[index]
    if (!call) throw new Error(`expected call ${index} to have begun`)
    const delta = call.read?.(fragment)
    call.arguments += fragment
    if (delta) this.tellCall(call, delta)
  }

  /** A call without arguments gets an empty object: clients parse the arguments as JSON. */
  fillArguments(): void {
    for (const [index, call] of this.calls.entries()) {
      if (call.arguments.trim() === '') this.continueCall(index, '{}')
    }
  }

  /** Keeps what the provider wants back with this turn, unless it is too large; `origin` names the provider. */
  keepExtras(origin: string, { message, calls = [] }: TurnExtras): void {
    const characters = [message, ...calls].reduce((sum, extras) => sum + (extras?.length ?? 0), 0)
    if (characters > maxExtras) {
      this.note('extras_dropped', { characters })
      return
    }
    for (const [index, call] of this.calls.entries()) call.extras = calls[index]
    this.#turn = { ...this.#turn, origin, ...(message !== undefined && { extras: message }) }
  }

  /** Adds to the run's trace what it does not say yet: a run has many turns. */
  note(kind: string, details: Record<string, unknown>): void {
    const isKnown = this.#record.traced.some(({ at: _, ...entry }) =>
      isDeepStrictEqual(entry, { kind, ...details }),
    )
    if (!isKnown) this.#record.trace({ at: nowSeconds(this.#clock), kind, ...details })
  }

  /** The record of this turn with its calls. */
  turn(recorded: Pick<RecordedTurn, 'calls' | 'usage'>): RecordedTurn {
    return { ...this.#turn, ...recorded }
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
    const { calls = [], usage: _, ...turn } = step.turn ?? {}
    this.#turn = turn
    let place = 0
    for (const call of calls) {
      const index = known.has(call.id) ? place++ : undefined
      const { id, name } = call
      this.calls.push({ id, name, arguments: call.arguments, index, tool: this.#tools.get(name) })
    }
  }

  /** The step's calls are complete, or further on: the row to be written with the next commit. */
  keepToolStep(tool_calls: StepToolCall[], turn: Pick<RecordedTurn, 'calls' | 'usage'>): StepRow | undefined {
    if (!this.#toolStep) return undefined
    const step_details = { type: 'tool_calls' as const, tool_calls }
    this.#toolStep = { ...this.#toolStep, step_details, turn: this.turn(turn) }
    this.#record.open = { step: this.#toolStep }
    return this.#toolStep
  }

  /** A step that ends while its calls are being written shows what was told of them. */
  #asTold(step: StepRow): StepRow {
    if (step.turn || step.type !== 'tool_calls') return step
    const tool_calls = this.calls.flatMap((call) => call.tool?.complete(call.id, call.arguments) ?? [])
    return { ...step, step_details: { type: 'tool_calls', tool_calls } }
  }

  /** Looked at when the run ends early, by when more may have been told. */
  #opened(step: StepRow): { readonly step: StepRow } {
    const asTold = () => this.#asTold(step)
    return {
      get step() {
        return asTold()
      },
    }
  }

  /** What came after the calls is said now, between them and their outcomes. */
  async sayLateText(): Promise<void> {
    if (this.#lateText === '' && this.#lateRefusal === '') return
    const step = this.#toolStep
    if (this.#lateText !== '') this.#addText(this.#lateText)
    if (this.#lateRefusal !== '') this.#addRefusal(this.#lateRefusal)
    this.#lateText = ''
    this.#lateRefusal = ''
    await this.#endMessage()
    this.#record.open = step ? this.#opened(step) : {}
  }

  /** The open message and its step as they end; the entries are for the commit that ends them. */
  ended(ending: MessageEnding, usage: Usage): { messages: Message[]; steps: StepRow[]; entries: Entry[] } {
    const now = nowSeconds(this.#clock)
    const said = this.#said
    if (said) this.#tellPieces(said, said.marks.end())
    const open = this.#toolStep ? this.#asTold(this.#toolStep) : said?.step
    const step: StepRow | undefined = open && {
      ...open,
      status: 'completed',
      completed_at: now,
      usage,
      turn: open.turn ?? this.#turnOfText(open, usage),
    }
    const message = said && endedMessage(said, ending, now)
    return {
      messages: message ? [message] : [],
      steps: step ? [step] : [],
      entries: [
        ...(message ? [messageEntry(`thread.message.${ending.status}`, message)] : []),
        ...(step ? [stepEntry('thread.run.step.completed', step, this.#view())] : []),
      ],
    }
  }

  /** The record of a turn that is text alone. */
  #turnOfText(step: StepRow, usage: Usage): RecordedTurn | null {
    const isWanted = step.type === 'message_creation' && this.calls.length === 0
    return isWanted && this.#turn.extras !== undefined ? this.turn({ calls: [], usage }) : null
  }

  #addText(value: string): void {
    const said = this.#openMessage()
    this.#tellPieces(said, said.marks.push(value))
  }

  #tellPieces(said: OpenMessage, pieces: readonly MarkedPiece[]): void {
    for (const piece of pieces) this.#tellPart(said, addPiece(said, piece))
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
    this.#record.tell(entries, { steps: [step], messages: [{ ...message, attachments: [] }], urgency: 'now' })
    this.#said = { message, step, parts: [], marks: new MarkFinder(this.#findings.marks) }
    this.#record.open = { message, step }
    if (!this.#hasShownImages) this.#showImages(this.#said)
    this.#hasShownImages = true
    return this.#said
  }

  #showImages(said: OpenMessage): void {
    for (const file_id of this.#findings.image_file_ids) {
      const part = { type: 'image_file' as const, image_file: { file_id } }
      said.parts.push(part)
      this.#tellPart(said, { index: said.parts.length - 1, ...part })
    }
  }

  /** A message that is followed by calls is complete; its turn is counted on the step of the calls. */
  async #endMessage(): Promise<void> {
    if (!this.#said) return
    const toolStep = this.#toolStep
    this.#toolStep = undefined
    const { messages, steps, entries } = this.ended({ status: 'completed' }, noUsage)
    this.#toolStep = toolStep
    for (const { id } of messages) {
      this.#turn = { ...this.#turn, message_ids: [...(this.#turn.message_ids ?? []), id] }
    }
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
      this.#record.open = this.#opened(step)
      steps = [step]
      before.push(stepEntry('thread.run.step.created', step), stepEntry('thread.run.step.in_progress', step))
    }
    const { id } = this.#toolStep
    const told = [...before, ...calls.map((call) => stepDeltaEntry(id, call))]
    this.#record.tell(told, { steps, urgency: before.length > 0 ? 'now' : 'soon' })
  }

  #view(): { withSearchContent: boolean } {
    return { withSearchContent: this.#record.row.settings.include_search_content }
  }

  #newStep(step_details: StepRow['step_details']): StepRow {
    return newStep(this.#record.row, step_details, nowSeconds(this.#clock))
  }
}
