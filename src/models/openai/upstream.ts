/** Calls to one server: retries, the check of the answer's head, and the two ways to read it. */
import type { IncomingMessage } from 'node:http'
import { sleep } from '../../util/abort.ts'
import type { Log } from '../../util/log.ts'
import type { Adaptation } from './adaptations.ts'
import { readText } from './answer-reader.ts'
import type { Connection, Outgoing } from './connection.ts'
import { brokenAnswer, statusFailure, UpstreamFailure } from './failure.ts'
import type { RequestStyle } from './request.ts'
import type { TokenBatches } from './token-batches.ts'

/** A longer wait is not worth it inside a run: the call fails with the server's words. */
const longestWaitMs = 60_000
/** Characters read of an error, and of an answer that is not streamed. */
export const longestError = 64 * 1024
export const longestWhole = 64 * 1024 * 1024

export interface Upstream {
  /** The provider's name, for the log. */
  name: string
  connection: Connection
  style: RequestStyle
  redact: (text: string) => string
  maxRetries: number
  /** By model, what had to be changed before the server accepted a request. */
  adaptations: Map<string, readonly Adaptation[]>
  batches: TokenBatches
  log: Log
}

/** Tries until it works, the retries are used up, or the failure is one that a retry cannot change. */
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

/** Half a second, doubled each time up to eight, less a random part of up to a quarter, so that many callers do not retry at once. */
function backOffMs(tries: number): number {
  return Math.min(500 * 2 ** tries, 8_000) * (1 - Math.random() / 4)
}

/** Sends and checks the head: a 2xx answer whose bytes can be read, or a failure. */
export async function call(
  upstream: Upstream,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const response = await upstream.connection.send(outgoing, signal)
  const status = response.statusCode ?? 0
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    response.destroy()
    throw brokenAnswer(`content-encoding ${encoding}, though identity was asked for`)
  }
  if (status >= 200 && status < 300) return response
  const body = await readText(response, longestError, signal)
  throw statusFailure(status, response.headers, body, upstream.redact)
}

export async function callJson(
  upstream: Upstream,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<unknown> {
  const response = await call(upstream, outgoing, signal)
  return parse(await readText(response, longestWhole, signal))
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw brokenAnswer('an answer that is no JSON', { cause: error })
  }
}
