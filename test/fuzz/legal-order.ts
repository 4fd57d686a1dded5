/**
 * What a run's stream may say after what: objects are created before they change, change before they end, and end
 * before their run does; pieces add up to the whole.
 */
import { streamEndingEvents, type RunEventName } from '../../src/api/events.ts'
import type { SentEvent } from '../harness/read-stream.ts'

export interface ReadStream {
  /** The first thing that is not as it should be. */
  complaint: string | undefined
  /** The run as the last of its events shows it. */
  run: any
  /** Messages that ended, by id. */
  messages: Map<string, any>
  /** Steps that ended, by id. */
  steps: Map<string, any>
  /** Ids of messages and steps in the order in which they were created. */
  created: string[]
}

interface OpenObject {
  state: 'created' | 'in_progress'
  /** For a message its content, for a step its tool calls, put together from pieces. */
  pieces: any[]
}

class Illegal extends Error {}

/** Reads the stream of a create or a submit, which ends with `done`. */
export function readLegally(events: readonly SentEvent[]): ReadStream {
  const reader = new StreamReader()
  try {
    for (const event of events) reader.take(event)
    reader.end()
  } catch (error) {
    if (!(error instanceof Illegal)) throw error
    reader.result.complaint = error.message
  }
  return reader.result
}

class StreamReader {
  readonly result: ReadStream = {
    complaint: undefined,
    run: undefined,
    messages: new Map(),
    steps: new Map(),
    created: [],
  }
  readonly #open = new Map<string, OpenObject>()
  /** Messages that a step was made for. */
  readonly #announced = new Set<string>()
  #position = 0
  #isSubmit = false
  #isOver: 'no' | 'last event' | 'done' = 'no'

  take({ event, data }: SentEvent): void {
    const position = this.#position
    this.#position += 1
    if (this.#isOver === 'done') fail(`${event} after done`)
    if (event === 'done') {
      if (data !== '[DONE]') fail('done carries no [DONE]')
      if (this.#isOver === 'no') fail('done before the last event')
      this.#isOver = 'done'
      return
    }
    if (event === 'error') fail(`an error event: ${JSON.stringify(data)}`)
    if (this.#isOver === 'last event') fail(`${event} after the last event`)
    if (event === 'thread.created') {
      if (position !== 0) fail('thread.created is not the first event')
    } else if (event.startsWith('thread.message.')) this.#takeMessage(event, data)
    else if (event.startsWith('thread.run.step.')) this.#takeStep(event, data, position)
    else if (event.startsWith('thread.run.')) this.#takeRun(event, data)
    else fail(`an unknown event ${event}`)
  }

  end(): void {
    if (this.#isOver !== 'done') fail('the stream ends without done')
  }

  #takeRun(event: string, run: any): void {
    const before = this.result.run
    const name = event.slice('thread.run.'.length)
    if (name === 'created') {
      if (before) fail('thread.run.created twice')
    } else if (!before && !this.#isSubmit) {
      fail(`${event} before thread.run.created`)
    }
    if (run.status !== (name === 'created' ? 'queued' : name)) fail(`${event} shows the status ${run.status}`)
    if (before && before.id !== run.id) fail(`${event} is of another run`)
    const follows: Record<string, string[]> = {
      queued: ['created'],
      in_progress: ['queued'],
      requires_action: ['in_progress'],
      completed: ['in_progress'],
      incomplete: ['in_progress'],
      failed: ['queued', 'in_progress'],
      cancelling: ['queued', 'in_progress', 'requires_action'],
      cancelled: ['cancelling'],
      expired: ['queued', 'in_progress', 'requires_action', 'cancelling'],
    }
    const last = this.#lastRunEvent ?? (this.#isSubmit ? 'created' : undefined)
    if (name !== 'created' && !follows[name]?.includes(last ?? '')) fail(`${event} after ${last}`)
    this.#lastRunEvent = name
    this.result.run = run
    if (!streamEndingEvents.has(event as RunEventName)) return
    this.#isOver = 'last event'
    const left = [...this.#open.keys()]
    const mayWait = name === 'requires_action' ? left.filter((id) => !id.startsWith('step_')) : left
    if (mayWait.length > 0) fail(`${event} while ${mayWait.join(', ')} are open`)
    if (name === 'requires_action' && left.length !== 1) fail('requires_action without one open step')
  }
  #lastRunEvent: string | undefined

  #takeMessage(event: string, data: any): void {
    this.#checkAtWork(event)
    const name = event.slice('thread.message.'.length)
    if (name === 'created') {
      if (!this.#announced.has(data.id)) fail(`${data.id} is created before its step`)
      if (data.content.length > 0) fail('a message is created with content')
      return this.#create(data.id)
    }
    const open = this.#find(event, data.id)
    if (name === 'in_progress') return this.#begin(event, open)
    if (open.state !== 'in_progress') fail(`${event} before in_progress`)
    if (name === 'delta') return addContent(open.pieces, data.delta.content)
    if (data.status !== name) fail(`${event} shows the status ${data.status}`)
    const assembled = JSON.stringify(open.pieces)
    if (assembled !== JSON.stringify(data.content)) {
      fail(`the pieces of ${data.id} are ${assembled}, the whole is ${JSON.stringify(data.content)}`)
    }
    this.#open.delete(data.id)
    this.result.messages.set(data.id, data)
  }

  #takeStep(event: string, data: any, position: number): void {
    const name = event.slice('thread.run.step.'.length)
    if (name === 'completed' && position === 0) {
      this.#isSubmit = true
      this.result.steps.set(data.id, data)
      return
    }
    this.#checkAtWork(event)
    if (name === 'created') {
      const { message_creation, tool_calls } = data.step_details
      if (message_creation) this.#announced.add(message_creation.message_id)
      if (tool_calls && tool_calls.length > 0) fail('a step is created with calls')
      return this.#create(data.id)
    }
    const open = this.#find(event, data.id)
    if (name === 'in_progress') return this.#begin(event, open)
    if (open.state !== 'in_progress') fail(`${event} before in_progress`)
    if (name === 'delta') return addCalls(open.pieces, data.delta.step_details.tool_calls)
    if (data.status !== name) fail(`${event} shows the status ${data.status}`)
    const { message_creation, tool_calls } = data.step_details
    if (message_creation && this.#open.has(message_creation.message_id)) {
      fail(`${event} while its message is open`)
    }
    if (tool_calls) checkCalls(open.pieces, tool_calls)
    this.#open.delete(data.id)
    this.result.steps.set(data.id, data)
  }

  #checkAtWork(event: string): void {
    const last = this.#lastRunEvent
    if (last !== 'in_progress' && last !== 'cancelling') fail(`${event} while the run is ${last}`)
  }

  #create(id: string): void {
    if (this.#open.has(id) || this.result.messages.has(id) || this.result.steps.has(id)) {
      fail(`${id} is created twice`)
    }
    this.#open.set(id, { state: 'created', pieces: [] })
    this.result.created.push(id)
  }

  #find(event: string, id: string): OpenObject {
    const open = this.#open.get(id)
    if (!open) throw new Illegal(`${event} of ${id}, which is not open`)
    return open
  }

  #begin(event: string, open: OpenObject): void {
    if (open.state !== 'created') fail(`${event} twice`)
    open.state = 'in_progress'
  }
}

function fail(what: string): never {
  throw new Illegal(what)
}

/** As the SDKs put content together: the first piece of an index begins a part. */
function addContent(parts: any[], pieces: any[]): void {
  for (const { index, ...piece } of pieces) {
    if (index > parts.length) fail(`content part ${index} comes after ${parts.length} parts`)
    const part = parts[index]
    if (!part) {
      parts.push(piece.type === 'text' ? { ...piece, text: { ...piece.text } } : piece)
      if (piece.type === 'text') addAnnotations(parts[index], piece.text.annotations, true)
      continue
    }
    if (part.type !== piece.type) fail(`content part ${index} turns from ${part.type} into ${piece.type}`)
    if (piece.type === 'refusal') part.refusal += piece.refusal
    if (piece.type !== 'text') continue
    part.text.value += piece.text.value
    addAnnotations(part, piece.text.annotations, false)
  }
}

function addAnnotations(part: any, streamed: any[] | undefined, isFirst: boolean): void {
  if (isFirst) {
    if (!streamed) fail('the first piece of a text has no annotations')
    part.text.annotations = []
  }
  for (const { index, ...annotation } of streamed ?? []) {
    if (index !== part.text.annotations.length) fail(`annotation ${index} is out of order`)
    if (annotation.type === 'file_citation') delete annotation.file_citation.quote
    part.text.annotations.push(annotation)
  }
}

function addCalls(calls: any[], pieces: any[]): void {
  for (const piece of pieces) {
    if (piece.index > calls.length) fail(`call ${piece.index} comes after ${calls.length} calls`)
    const call = calls[piece.index]
    if (!call) {
      if (typeof piece.id !== 'string') fail(`call ${piece.index} begins without an id`)
      calls.push(structuredClone(piece))
      continue
    }
    if (call.type !== piece.type) fail(`call ${piece.index} changes its type`)
    if (piece.id !== undefined) fail(`call ${piece.index} is named twice`)
    if (piece.type !== 'function') continue
    if (piece.function.name !== undefined) fail(`the function of call ${piece.index} is named twice`)
    call.function.arguments += piece.function.arguments ?? ''
  }
}

function checkCalls(calls: any[], whole: any[]): void {
  if (calls.length !== whole.length)
    fail(`${calls.length} calls were streamed, ${whole.length} are in the step`)
  for (const [index, call] of calls.entries()) {
    const streamed = [call.id, call.type, call.function?.name, call.function?.arguments]
    const kept = whole[index]
    const stored = [kept.id, kept.type, kept.function?.name, kept.function?.arguments]
    if (JSON.stringify(streamed) !== JSON.stringify(stored)) {
      fail(
        `call ${index} was streamed as ${JSON.stringify(streamed)} and is stored as ${JSON.stringify(stored)}`,
      )
    }
  }
}
