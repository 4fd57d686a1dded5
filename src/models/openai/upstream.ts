/** Calls to one server: retries, the check of status and headers, and JSON answers. */
import type { IncomingMessage } from 'node:http'
import { Closing, sleep } from '../../util/abort.ts'
import type { Log } from '../../util/log.ts'
import type { Adaptation } from './adaptations.ts'
import { readErrorText, readText } from './answer-reader.ts'
import type { Connection, Outgoing } from './connection.ts'
import { brokenAnswer, statusFailure, UpstreamFailure } from './failure.ts'
import { longestWhole, wholeMs } from '../limits.ts'
import type { RequestStyle } from './request.ts'
import type { TokenBatches } from './token-batches.ts'

/** When the server requests a longer wait, the call is not retried and fails with the server's message. */
const longestWaitMs = 60_000

export interface Upstream {
  /** The provider's name, for the log. */
  name: string
  connection: Connection
  style: RequestStyle
  redact: (text: string) => string
  maxRetries: number
  /** The changes that the server needs before it accepts a request, by model. */
  adaptations: Map<string, readonly Adaptation[]>
  batches: TokenBatches
  log: Log
}

/** Calls `attempt` until it succeeds, no retries are left, or a retry cannot help. */
export async function withRetries<Result>(
  { maxRetries }: Pick<Upstream, 'maxRetries'>,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
  onRetry: (failure: UpstreamFailure) => void = () => {},
): Promise<Result> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!(error instanceof UpstreamFailure) || !error.mayRetry || tries >= maxRetries) throw error
      const waitMs = error.waitMs ?? backOffMs(tries)
      if (waitMs > longestWaitMs) throw error
      onRetry(error)
      await sleep(waitMs, signal)
      signal.throwIfAborted()
    }
  }
}

/** Half a second, doubled each time up to eight, minus up to a quarter at random: many callers must not retry at once. */
function backOffMs(tries: number): number {
  return Math.min(500 * 2 ** tries, 8_000) * (1 - Math.random() / 4)
}

/** Sends a request and checks status and encoding. Returns a 2xx answer with readable bytes, or throws. */
export async function call(
  upstream: Upstream,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const response = await upstream.connection.send(outgoing, signal)
  const status = response.statusCode ?? 0
  const encoding = response.headers['content-encoding'] ?? 'identity'
  const isAnswer = status >= 200 && status < 300
  if (encoding === 'identity') {
    if (isAnswer) return response
    const body = await readErrorText(response, signal)
    throw statusFailure(status, response.headers, body, upstream.redact)
  }
  response.destroy()
  const why = `content-encoding ${encoding}, though identity was asked for`
  throw isAnswer ? brokenAnswer(why) : statusFailure(status, response.headers, why, upstream.redact)
}

/** Fails after `wholeMs`. The callers may have no time limit, and work on files would wait for ever. */
export async function callJson(
  upstream: Upstream,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<unknown> {
  const deadline = new Closing()
  const { signal: stop, release } = deadline.or(signal)
  const timer = setTimeout(() => deadline.close(brokenAnswer('no answer in time')), wholeMs)
  try {
    const response = await call(upstream, outgoing, stop)
    return parse(await readText(response, longestWhole, stop))
  } finally {
    clearTimeout(timer)
    release()
  }
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw brokenAnswer('an answer that is not JSON', { cause: error })
  }
}
