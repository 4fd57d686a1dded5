/** Reads a streamed answer while it arrives, a batch of parts at a time. */
import type { IncomingMessage } from 'node:http'
import { createParser, type EventSourceParser } from 'eventsource-parser'
import type { OpenAiAnswer } from './answer.ts'
import { brokenAnswer, ConnectionLost, UpstreamFailure } from './failure.ts'
import { errorMs, longestError, longestEvent } from '../limits.ts'
import type { ModelPart } from '../port.ts'
import type { TokenBatches } from './token-batches.ts'

/** How many parts may wait for a slow reader before the socket is paused. */
const mostWaiting = 2_000
/** How long a server may take from `finish_reason` to usage and `[DONE]`, and from there to the end of the bytes. */
const graceMs = 2_000

/** Reads one answer. It listens to events: an async iterator over the response takes more processor time than all the rest. */
export class AnswerReader {
  readonly #response: IncomingMessage
  readonly #answer: OpenAiAnswer
  readonly #batches: TokenBatches
  readonly #signal: AbortSignal
  readonly #parser: EventSourceParser
  readonly #onAbort = () => this.#end({ error: this.#signal.reason })
  #waiting: ModelPart[] = []
  #hasText = false
  /**
   * `passed`: the reader may take all parts that wait. `taken`: the reader took them, and no part arrived since.
   * `held`: parts arrived since then, and wait for more.
   */
  #batch: 'passed' | 'taken' | 'held' = 'passed'
  #ended: { error?: unknown } | undefined
  #wake: (() => void) | undefined
  #graceTimer: NodeJS.Timeout | undefined

  constructor(
    response: IncomingMessage,
    { answer, batches, signal }: { answer: OpenAiAnswer; batches: TokenBatches; signal: AbortSignal },
  ) {
    this.#response = response
    this.#answer = answer
    this.#batches = batches
    this.#signal = signal
    batches.opened()
    this.#parser = createParser({
      maxBufferSize: longestEvent,
      onEvent: ({ data }) => this.#takeEvent(data),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.#end({ error: brokenAnswer('an event without end') })
      },
    })
    response.setEncoding('utf8')
    response.on('data', (text: string) => this.#takeText(text))
    response.once('end', () => {
      // Completes a last event that has no blank line after it.
      this.#takeText('\n\n')
      this.#end({})
    })
    response.once('error', (error) => this.#break(error))
    response.once('close', () => this.#break(new Error('closed before its end')))
    signal.addEventListener('abort', this.#onAbort, { once: true })
    if (signal.aborted) this.#onAbort()
  }

  /**
   * The parts that arrived since the last call, at least one; undefined after the end. After a failure or abort it
   * returns the parts that arrived before, and then rejects.
   */
  async next(): Promise<ModelPart[] | undefined> {
    while ((this.#waiting.length === 0 || this.#batch === 'held') && this.#ended === undefined) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    if (this.#waiting.length > 0) {
      const batch = this.#batches.areOn ? joined(this.#waiting) : this.#waiting
      this.#waiting = []
      this.#batch = 'taken'
      if (this.#response.isPaused()) this.#response.resume()
      return batch
    }
    if (this.#ended !== undefined && 'error' in this.#ended) throw this.#ended.error
    return undefined
  }

  /** Returns the connection to the pool, or closes it when the answer has not ended. May be called twice. */
  close(): void {
    const isWhole = this.#ended !== undefined && !('error' in this.#ended)
    this.#end({})
    if (isWhole) drain(this.#response)
    else this.#response.destroy()
  }

  #takeText(text: string): void {
    if (this.#ended !== undefined) return
    const before = this.#waiting.length
    try {
      this.#parser.feed(this.#hasText ? text : withoutByteOrderMark(text))
      this.#hasText = true
    } catch (error) {
      const isOurs = error instanceof UpstreamFailure
      this.#end({ error: isOurs ? error : brokenAnswer('unreadable bytes', { cause: error }) })
    }
    if (this.#answer.isFinished && this.#ended === undefined) {
      this.#graceTimer ??= setTimeout(() => this.#end({}), graceMs)
      // Some servers send a finish_reason with every chunk: a chunk with parts is not the end.
      if (this.#waiting.length > before) this.#graceTimer.refresh()
    }
    if (this.#waiting.length > mostWaiting) this.#response.pause()
    if (this.#waiting.length > 0) this.#passOn()
  }

  /** Wakes the reader: at once for the first parts, for the end, and while few answers are open; else after a wait. */
  #passOn(): void {
    if (this.#batch === 'passed' || this.#answer.isFinished || !this.#batches.areOn) this.#notify()
    else if (this.#batch === 'taken') {
      this.#batch = 'held'
      this.#batches.wait(() => this.#notify())
    }
  }

  #takeEvent(data: string): void {
    if (this.#ended !== undefined || data === '') return
    if (data.trim() === '[DONE]') this.#end({})
    else this.#answer.take(data, this.#waiting)
  }

  /** An answer whose connection breaks after `finish_reason` and before `[DONE]` is complete. */
  #break(error: unknown): void {
    this.#end(this.#answer.isFinished ? {} : { error: new ConnectionLost(error, false) })
  }

  #end(outcome: { error?: unknown }): void {
    if (this.#ended !== undefined) return
    this.#ended = outcome
    clearTimeout(this.#graceTimer)
    this.#batches.closed()
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#notify()
  }

  #notify(): void {
    this.#batch = 'passed'
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

/** Joins texts that follow each other into one part, because each part has a cost in all later steps. */
function joined(parts: ModelPart[]): ModelPart[] {
  const all: ModelPart[] = []
  for (const part of parts) {
    const last = all.at(-1)
    if (part.type === 'text-delta' && last?.type === 'text-delta') last.text += part.text
    else all.push(part)
  }
  return all
}

/** Reads the remaining bytes, so that the connection returns to the pool; closes it when that takes too long. */
function drain(response: IncomingMessage): void {
  if (response.readableEnded || response.destroyed) return
  const timer = setTimeout(() => response.destroy(), graceMs)
  response.once('close', () => clearTimeout(timer))
  response.on('error', () => {})
  response.resume()
}

/** The whole text of an answer that is not a stream, cut at `limit` characters. */
export async function readText(
  response: IncomingMessage,
  limit: number,
  signal: AbortSignal,
): Promise<string> {
  const { text, error } = await collectText(response, limit)
  if (error === undefined) return withoutByteOrderMark(text)
  throw signal.aborted ? signal.reason : new ConnectionLost(error, false)
}

/** The text of an error as far as it arrives: a broken or slow body must not hide the status. */
export async function readErrorText(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const timer = setTimeout(() => response.destroy(), errorMs)
  const { text } = await collectText(response, longestError)
  clearTimeout(timer)
  signal.throwIfAborted()
  return withoutByteOrderMark(text)
}

async function collectText(
  response: IncomingMessage,
  limit: number,
): Promise<{ text: string; error?: unknown }> {
  response.setEncoding('utf8')
  let text = ''
  try {
    for await (const piece of response) {
      text += piece as string
      if (text.length > limit) break
    }
  } catch (error) {
    return { text, error }
  }
  return { text: text.slice(0, limit) }
}

/** Some servers begin with a byte order mark, which belongs neither to JSON nor to an event. */
function withoutByteOrderMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}
