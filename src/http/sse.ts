/** Server-sent events: framing, keep-alive, back-pressure. */
import type { FastifyReply } from 'fastify'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { finished } from 'node:stream/promises'
import { ApiError, errors } from '../api/errors.ts'
import { answerHeaders } from './headers.ts'
import { streamBegins } from './limits.ts'

/** An event of a run's log. */
interface StreamEvent {
  event: string
  /** JSON */
  data: string
  /** Null until it is committed. */
  number?: number | null
}

interface StreamOptions {
  /** A comment is sent after this long without an event, ms. */
  keepAliveMs: number
  /** Whether events carry `id:` lines; the API's own streams must not. */
  withIds?: boolean
  /** Whether this event is the last one. */
  isLast: (event: string) => boolean
  signal: AbortSignal
}

const done = 'event: done\ndata: [DONE]\n\n'

/** A comment without a blank line after it: the official Python SDK takes a blank line for an empty event. */
const keepAlive = ': keep-alive\n'

/** A reader that reads nothing for this many keep-alive periods is disconnected. */
const stalledPeriods = 4

/** Sends events as they come and then `done`; a failure after the start becomes an `error` event. */
export async function sendEvents(
  reply: FastifyReply,
  batches: AsyncIterable<StreamEvent[]>,
  options: StreamOptions,
): Promise<void> {
  const response = beginStream(reply)
  // The first events usually follow at once: then one write carries the head and them.
  const head = setImmediate(() => response.flushHeaders())
  const timer = setInterval(() => response.write(keepAlive), options.keepAliveMs)
  let hasEnded = false
  let failure: ApiError | undefined
  try {
    for await (const batch of batches) {
      timer.refresh()
      clearImmediate(head)
      hasEnded = options.isLast(batch.at(-1)?.event ?? '')
      const text = batch.map((event) => frame(event, options.withIds ?? false)).join('')
      await write(response, hasEnded ? text + done : text, options)
      if (hasEnded) break
    }
    // The log may have ended before event `after`: then no event is the last one.
    if (!hasEnded) await write(response, done, options)
    hasEnded = true
  } catch (error) {
    hasEnded = false
    if (error instanceof ApiError) failure = error
  } finally {
    clearInterval(timer)
    clearImmediate(head)
    if (!hasEnded && !response.destroyed) {
      response.write(errorFrame(failure ?? errors.serverError(reply.request.id)))
    }
    response.end()
  }
  await finished(response).catch(() => {})
}

function beginStream(reply: FastifyReply): ServerResponse {
  reply.hijack()
  const response = reply.raw
  streamBegins(reply)
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    ...answerHeaders(reply.request),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  })
  return response
}

function frame(event: StreamEvent, withIds: boolean): string {
  const id = withIds && typeof event.number === 'number' ? `id: ${event.number}\n` : ''
  return `${id}event: ${event.event}\ndata: ${event.data}\n\n`
}

function errorFrame(error: ApiError): string {
  return `event: error\ndata: ${JSON.stringify(error.toBody())}\n\n`
}

/** Waits for a reader that is slower than the run, and disconnects one that has stopped reading. */
async function write(response: ServerResponse, text: string, options: StreamOptions): Promise<void> {
  if (response.destroyed || response.write(text)) return
  const stalled = AbortSignal.timeout(options.keepAliveMs * stalledPeriods)
  try {
    await once(response, 'drain', { signal: AbortSignal.any([options.signal, stalled]) })
  } catch (error) {
    if (stalled.aborted) response.destroy()
    throw error
  }
}

/** Aborts when the client hangs up. */
export function hangUpSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  // The client may have hung up already: `close` is emitted only once.
  if (reply.raw.closed) controller.abort()
  else {
    reply.raw.on('close', () => {
      if (!reply.raw.writableFinished) controller.abort()
    })
  }
  return controller.signal
}
