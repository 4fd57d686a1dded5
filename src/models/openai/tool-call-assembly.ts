/** Assembles streamed tool calls: decides which fragment belongs to which call. Servers number them in different ways. */
import { newId } from '../../util/ids.ts'
import { parseJson } from '../../util/parse-json.ts'
import { asRecord, brokenAnswer } from './failure.ts'
import { mostCalls } from '../limits.ts'
import type { Extras, ModelPart } from '../port.ts'

interface OpenCall {
  /** The id from the server; empty when it sent none. */
  upstreamId: string
  /** The index from the server, of any type; undefined when it sent none. */
  at: unknown
  /** The id that we use: never empty, and unique within the answer. */
  id: string
  /** Arguments that arrived before the name. */
  waiting: string
  /** Our index of the call; undefined until its name arrives, which starts it. */
  index: number | undefined
  name: string
  arguments: string
  brackets: BracketCounter
  /** Whether the arguments are a whole JSON object or list; undefined until its last bracket has arrived. */
  isComplete: boolean | undefined
  extraContent: Record<string, unknown> | undefined
}

/** The calls of one answer. Names and indices are untrusted: they are compared and never used as object keys. */
export class ToolCallAssembly {
  #calls: OpenCall[] = []
  #started = 0

  /** How many calls have started. */
  get count(): number {
    return this.#started
  }

  /** The extras of the calls that have started, by their index; undefined when there are none. */
  extras(): (Extras | undefined)[] | undefined {
    const started = this.#calls.filter((call) => call.index !== undefined)
    if (started.every((call) => call.extraContent === undefined)) return undefined
    const ordered = started.toSorted((left, right) => (left.index ?? 0) - (right.index ?? 0))
    return ordered.map(({ extraContent }) =>
      extraContent === undefined ? undefined : JSON.stringify({ extra_content: extraContent }),
    )
  }

  /** Takes one element of `delta.tool_calls`. Returns the number of characters that it kept besides the new parts. */
  take(delta: unknown, parts: ModelPart[]): number {
    const entry = asRecord(delta)
    if (entry === undefined) throw brokenAnswer('a tool call that is not an object')
    const called = asRecord(entry.function) ?? {}
    const name = typeof called.name === 'string' ? called.name : ''
    const written = argumentText(called.arguments)
    const before = this.#calls.length
    const call = this.#find(entry, name, written)
    let kept = this.#calls.length > before ? JSON.stringify([entry.id, entry.index]).length : 0
    const extraContent = asRecord(entry.extra_content)
    if (extraContent !== undefined) {
      call.extraContent = { ...call.extraContent, ...extraContent }
      kept += JSON.stringify(extraContent).length
    }
    if (call.index === undefined && name !== '') {
      call.name = name
      call.index = this.#started
      this.#started += 1
      parts.push({ type: 'tool-call-start', index: call.index, id: call.id, name })
    }
    const text = call.waiting + written
    call.waiting = call.index === undefined ? text : ''
    if (call.index === undefined) return kept + written.length
    call.arguments += text
    if (call.isComplete === undefined && call.brackets.take(text)) {
      call.isComplete = parseJson(call.arguments) !== undefined
    }
    if (text !== '') parts.push({ type: 'tool-call-delta', index: call.index, arguments: text })
    return kept
  }

  /** Call after the last fragment. Throws when a call has no name. */
  finish(): void {
    if (this.#calls.length > this.#started) throw brokenAnswer('a tool call without a name')
  }

  /**
   * A new id begins a new call, also at an index that is in use, as Ollama does with parallel calls. Without an id
   * the fragment goes to the last call at its index; without an index, to the last call of all. Two kinds of
   * servers are exceptions. Some invent an id for every fragment; they do not repeat the name. Some give all calls one
   * index and no ids, or one id; there a name begins the next call when it differs or when the last call is complete.
   */
  #find(entry: Record<string, unknown>, name: string, written: string): OpenCall {
    const upstreamId = typeof entry.id === 'string' ? entry.id : ''
    const at = entry.index ?? undefined
    const here = this.#calls.filter((call) => at === undefined || call.at === at)
    const isNew = upstreamId !== '' && !here.some((call) => call.upstreamId === upstreamId)
    const call =
      upstreamId === '' || isNew ? here.at(-1) : here.findLast((one) => one.upstreamId === upstreamId)
    if (call === undefined) return this.#open(upstreamId, at)
    if (call.index === undefined) return isNew ? this.#open(upstreamId, at) : call
    if (name === '') return call
    const isNext = isNew || call.name !== name || (written !== '' && call.isComplete === true)
    return isNext ? this.#open(upstreamId, at) : call
  }

  #open(upstreamId: string, at: unknown): OpenCall {
    if (this.#calls.length >= mostCalls) throw brokenAnswer(`more than ${mostCalls} tool calls`)
    const unusable = upstreamId === '' || this.#calls.some((call) => call.id === upstreamId)
    const id = unusable ? newId('call') : upstreamId
    const call: OpenCall = {
      upstreamId,
      at,
      id,
      waiting: '',
      index: undefined,
      name: '',
      arguments: '',
      brackets: new BracketCounter(),
      isComplete: undefined,
      extraContent: undefined,
    }
    this.#calls.push(call)
    return call
  }
}

/** Notices the end of a JSON object or list that arrives in pieces. Reads each character once. */
class BracketCounter {
  #open = 0
  #isInString = false
  #isEscaped = false

  /** Returns whether the first bracket was closed in this piece. */
  take(piece: string): boolean {
    let isClosed = false
    for (let at = 0; at < piece.length; at += 1) {
      const letter = piece.charAt(at)
      if (this.#isEscaped) this.#isEscaped = false
      else if (this.#isInString && letter === '\\') this.#isEscaped = true
      else if (letter === '"') this.#isInString = !this.#isInString
      else if (this.#isInString) continue
      else if (letter === '{' || letter === '[') this.#open += 1
      else if (letter === '}' || letter === ']') {
        this.#open -= 1
        isClosed ||= this.#open === 0
      }
    }
    return isClosed
  }
}

/** Arguments as text: some servers send an object. */
function argumentText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return ''
  return JSON.stringify(value)
}
