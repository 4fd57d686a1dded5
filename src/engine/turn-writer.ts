/** Turns the parts of a model's answer into facts about the run. */
import { isDeepStrictEqual } from 'node:util'
import type { Extras, TurnExtras } from '../models/port.ts'
import type { MessagePiece } from '../runs/content.ts'
import { callsOf } from '../runs/objects.ts'
import type { OwnedRun } from '../runs/owned-run.ts'
import type { Mark, RecordedTurn, StepRow } from '../sql/run-steps.ts'
import type { CallDelta, OfferedTool } from '../tools/port.ts'
import { nowSeconds, type Clock } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { MarkFinder, type MarkedPiece } from './citation-marks.ts'

/** A call that the model makes in this turn. `index` is its index in the step; calls of unknown functions have none. */
export interface DraftCall {
  id: string
  name: string
  arguments: string
  index: number | undefined
  tool: OfferedTool | undefined
  /** Extra data that the provider expects back with the call. */
  extras?: Extras | undefined
  /** Reads the arguments while they arrive. */
  read?: ((fragment: string) => CallDelta | undefined) | undefined
}

/** Results of earlier tool calls that the next message shows. */
export interface Findings {
  /** Texts that become annotations where the message contains them. */
  marks: readonly Mark[]
  /** Images that precede the text of the next message, by file id. */
  image_file_ids: readonly string[]
}

interface TurnOptions {
  tools: readonly OfferedTool[]
  clock: Clock
  findings: Findings
}

/** The most characters of extra data that are stored. Reasoning and signatures of real providers are far smaller. */
const maxExtras = 1024 * 1024

/** Lives for one turn. */
export class TurnWriter {
  readonly calls: DraftCall[] = []
  readonly #run: OwnedRun
  readonly #tools: Map<string, OfferedTool>
  readonly #clock: Clock
  readonly #findings: Findings
  #hasShownImages = false
  /** Finds marks in the open message; undefined without one. */
  #marks: MarkFinder | undefined
  /** The recorded turn, without its calls and usage. */
  #turn: Omit<RecordedTurn, 'calls' | 'usage'> = {}
  /** Calls beyond the first where only one is allowed: some models ignore `parallel_tool_calls`. */
  readonly #surplus = new Set<number>()
  /** Text that arrived after the first call; it becomes a separate message at the end of the turn. */
  #lateText = ''
  #lateRefusal = ''

  constructor(run: OwnedRun, options: TurnOptions) {
    this.#run = run
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
    if (this.calls.length > 0) {
      this.#lateRefusal += refusal
      return
    }
    this.flushText()
    this.#addPiece({ type: 'refusal', refusal })
  }

  /** The first call of a turn ends the message before it. */
  beginCall(index: number, id: string, name: string): void {
    if (this.calls.length > 0 && !this.#run.row.settings.parallel_tool_calls) {
      this.#surplus.add(index)
      return
    }
    if (this.calls.length === 0) this.endMessage()
    const tool = this.#tools.get(name)
    const indexInStep = tool && this.calls.filter((call) => call.tool).length
    this.calls[index] = { id, name, arguments: '', index: indexInStep, tool, read: tool?.reader() }
    if (!tool) return
    this.#run.apply({ kind: 'call began', at: this.#now(), step_id: newId('step'), call: tool.begin(id) })
  }

  continueCall(index: number, fragment: string): void {
    if (this.#surplus.has(index)) return
    const call = this.calls[index]
    if (!call) throw new Error(`expected call ${index} to have started`)
    const delta = call.read?.(fragment)
    call.arguments += fragment
    if (delta) this.growCall(call, delta)
  }

  /** A call without arguments gets an empty object: clients parse the arguments as JSON. */
  fillArguments(): void {
    for (const [index, call] of this.calls.entries()) {
      if (call.arguments.trim() === '') this.continueCall(index, '{}')
    }
  }

  /** Stores the extra data of this turn, unless it is too large; `origin` names the provider. */
  keepExtras(origin: string, { message, calls = [] }: TurnExtras): void {
    const characters = [message, ...calls].reduce((sum, extras) => sum + (extras?.length ?? 0), 0)
    if (characters > maxExtras) {
      this.note('extras_dropped', { characters })
      return
    }
    for (const [index, call] of this.calls.entries()) call.extras = calls[index]
    this.#turn = { ...this.#turn, origin, ...(message !== undefined && { extras: message }) }
  }

  /** Adds a note to the run's trace, once: a later turn may repeat it. */
  note(kind: string, details: Record<string, unknown>): void {
    const isKnown = this.#run.row.trace.some(({ at: _, ...entry }) =>
      isDeepStrictEqual(entry, { kind, ...details }),
    )
    if (!isKnown) this.#run.trace({ at: this.#now(), kind, ...details })
  }

  /** This turn as it is recorded. */
  turn(recorded: Pick<RecordedTurn, 'calls' | 'usage'>): RecordedTurn {
    return { ...this.#turn, ...recorded }
  }

  /** Whether a turn without calls must be recorded, for its extra data. */
  get hasExtras(): boolean {
    return this.#turn.extras !== undefined
  }

  /** Arguments or outputs of a call have grown. */
  growCall({ index }: DraftCall, delta: CallDelta): void {
    if (index !== undefined) this.#run.apply({ kind: 'call grew', delta: { index, ...delta } })
  }

  /** Continues with the step of calls that an earlier attempt of the run has recorded. */
  resume(step: StepRow): void {
    const known = new Set(callsOf(step).map((call) => call.id))
    const { calls = [], usage: _, ...rest } = step.turn ?? {}
    this.#turn = rest
    let indexInStep = 0
    for (const { id, name, arguments: text } of calls) {
      const index = known.has(id) ? indexInStep++ : undefined
      this.calls.push({ id, name, arguments: text, index, tool: this.#tools.get(name) })
    }
  }

  /** Text that came after the calls becomes a message between them and their outputs. */
  addLateText(): void {
    if (this.#lateText === '' && this.#lateRefusal === '') return
    this.flushText()
    this.endMessage()
  }

  /** Adds the text that was held back: it came after the calls, or could have been the beginning of a mark. */
  flushText(): void {
    if (this.#lateText !== '') this.#addText(this.#lateText)
    if (this.#marks) this.#addMarked(this.#marks.end())
    if (this.#lateRefusal !== '') this.#addPiece({ type: 'refusal', refusal: this.#lateRefusal })
    this.#lateText = ''
    this.#lateRefusal = ''
  }

  /** Completes the open message, if there is one: calls or another message follow. */
  endMessage(): void {
    this.flushText()
    this.#marks = undefined
    this.#run.apply({ kind: 'message completed', at: this.#now() })
  }

  #addText(value: string): void {
    this.#beginMessage()
    if (this.#marks) this.#addMarked(this.#marks.push(value))
  }

  #addMarked(pieces: readonly MarkedPiece[]): void {
    for (const piece of pieces) this.#addPiece({ type: 'text', ...piece })
  }

  #addPiece(piece: MessagePiece): void {
    this.#beginMessage()
    this.#run.apply({ kind: 'piece arrived', piece })
  }

  /** A new message starts with the images of earlier calls. */
  #beginMessage(): void {
    if (this.#marks) return
    this.#marks = new MarkFinder(this.#findings.marks)
    const ids = { message_id: newId('message'), step_id: newId('step') }
    this.#run.apply({ kind: 'message began', at: this.#now(), ...ids })
    const images = this.#hasShownImages ? [] : this.#findings.image_file_ids
    this.#hasShownImages = true
    for (const file_id of images) this.#addPiece({ type: 'image_file', file_id })
  }

  #now(): number {
    return nowSeconds(this.#clock)
  }
}
