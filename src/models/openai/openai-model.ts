/** The driver for every server that speaks OpenAI's Chat Completions, and the pass-through to it. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { sleep } from '../../util/abort.ts'
import { AnswerReader, readText } from './answer-reader.ts'
import { countTokens } from '../../util/count-tokens.ts'
import { countPromptTokens } from '../count-tokens.ts'
import { OpenAiAnswer, type AnswerEnd } from './answer.ts'
import { openConnection, type Connection, type Outgoing } from './connection.ts'
import { asRecord, brokenAnswer, statusFailure, UpstreamFailure } from './failure.ts'
import { redactor } from './redact.ts'
import { requestBody, requestStyle, sendsSampling, type RequestStyle } from './request.ts'
import type { ChatModel, ChatRequest, ModelPart, ModelUsage } from '../port.ts'
import type { OpenAiProviderSettings } from '../settings.ts'

/** A longer wait is not worth it inside a run: the call fails with what the server said. */
const longestWaitMs = 60_000
/** Characters read of an error, and of an answer that is not streamed. */
const longestError = 64 * 1024
const longestWhole = 64 * 1024 * 1024

/** An upstream answer that is handed on as it is. */
export interface UpstreamAnswer {
  status: number
  /** What a caller may see: the content type, rate limits, retry-after and the `openai-` ones. */
  headers: Record<string, string>
  body: Readable
}

export interface OpenAiCompatible extends ChatModel {
  /** Posts the body to `/chat/completions` and hands the answer on byte for byte, streamed or not. */
  chatCompletions(body: object, signal: AbortSignal): Promise<UpstreamAnswer>
  /** The same for `/embeddings`. */
  embeddings(body: object, signal: AbortSignal): Promise<UpstreamAnswer>
  /** Posts JSON and parses the answer, trying again like `stream` does. For embedders. */
  postJson(path: string, body: object, signal: AbortSignal): Promise<unknown>
  /** The server's own list; a server that has none throws `ModelFailure`. */
  listModels(signal: AbortSignal): Promise<ListedModel[]>
  sendsSampling(model: string): boolean
  close(): void
}

export interface ListedModel {
  id: string
  object: 'model'
  created: number
  owned_by: string
}

interface Upstream {
  connection: Connection
  style: RequestStyle
  redact: (text: string) => string
  maxRetries: number
}

/** Opens no connection yet. Throws a plain sentence for settings that cannot work. */
export function openOpenAiCompatible(settings: OpenAiProviderSettings): OpenAiCompatible {
  const upstream: Upstream = {
    connection: openConnection(settings),
    style: requestStyle(settings),
    redact: redactor(settings),
    maxRetries: settings.max_retries ?? 4,
  }
  return {
    stream: (request, signal) => stream(upstream, request, signal),
    chatCompletions: (body, signal) => passOn(upstream, '/chat/completions', { body, signal }),
    embeddings: (body, signal) => passOn(upstream, '/embeddings', { body, signal }),
    postJson: (path, body, signal) =>
      again(upstream, signal, () =>
        callJson(upstream, { method: 'POST', path, body: JSON.stringify(body) }, signal),
      ),
    listModels: async (signal) =>
      listed(await callJson(upstream, { method: 'GET', path: '/models' }, signal)),
    sendsSampling: (model) => sendsSampling(upstream.style, model),
    close: () => upstream.connection.close(),
  }
}

async function* stream(
  upstream: Upstream,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelPart> {
  const body = requestBody(request, upstream.style)
  const answer = await again(upstream, signal, () => begin(upstream, body, signal))
  try {
    for (let batch = answer.first; batch !== undefined; batch = await answer.next()) {
      for (const part of batch) {
        signal.throwIfAborted()
        yield part
      }
    }
    const end = answer.end()
    const usage = end.usage ?? (await countUsage(request, end))
    signal.throwIfAborted()
    yield { type: 'end', finish_reason: end.finish_reason, usage, ...(end.extras && { extras: end.extras }) }
  } finally {
    answer.close()
  }
}

interface BegunAnswer {
  first: ModelPart[] | undefined
  next(): Promise<ModelPart[] | undefined>
  end(): AnswerEnd
  close(): void
}

/** One attempt, up to its first part: until then a failure may be tried again. */
async function begin(upstream: Upstream, body: string, signal: AbortSignal): Promise<BegunAnswer> {
  const response = await call(upstream, { method: 'POST', path: '/chat/completions', body }, signal)
  const answer = new OpenAiAnswer(upstream.redact)
  if (/\bjson\b/.test(response.headers['content-type'] ?? '')) {
    const parts: ModelPart[] = []
    answer.takeChunk(parse(await readText(response, longestWhole, signal)), parts)
    answer.end()
    return { first: parts, next: async () => undefined, end: () => answer.end(), close: () => {} }
  }
  const reader = new AnswerReader(response, answer, signal)
  try {
    const first = await reader.next()
    // An answer of nothing at all is a server that fell over, not a model with nothing to say.
    if (first === undefined && !answer.isFinished) throw brokenAnswer('an empty stream', { mayRetry: true })
    return { first, next: () => reader.next(), end: () => answer.end(), close: () => reader.close() }
  } catch (error) {
    reader.close()
    throw error
  }
}

/** Tries until it works, the retries are used up, or the failure is one that waiting does not mend. */
async function again<Result>(
  upstream: Upstream,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!(error instanceof UpstreamFailure) || !error.mayRetry || tries >= upstream.maxRetries) throw error
      const waitMs = error.waitMs ?? backOffMs(tries)
      if (waitMs > longestWaitMs) throw error
      await sleep(waitMs, signal)
      signal.throwIfAborted()
    }
  }
}

/** Half a second, doubled each time up to eight, less a random quarter so that many callers do not come at once. */
function backOffMs(tries: number): number {
  return Math.min(500 * 2 ** tries, 8_000) * (1 - Math.random() / 4)
}

/** Sends and checks the head: a 2xx answer whose bytes can be read, or a failure. */
async function call(upstream: Upstream, outgoing: Outgoing, signal: AbortSignal): Promise<IncomingMessage> {
  const response = await upstream.connection.send(outgoing, signal)
  const status = response.statusCode ?? 0
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    response.destroy()
    throw brokenAnswer(`content-encoding ${encoding}, though identity was asked for`)
  }
  if (status >= 200 && status < 300) return response
  const said = await readText(response, longestError, signal)
  throw statusFailure(status, response.headers, said, upstream.redact)
}

async function callJson(upstream: Upstream, outgoing: Outgoing, signal: AbortSignal): Promise<unknown> {
  const response = await call(upstream, outgoing, signal)
  return parse(await readText(response, longestWhole, signal))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw brokenAnswer('an answer that is no JSON', { cause: error })
  }
}

async function passOn(
  upstream: Upstream,
  path: string,
  { body, signal }: { body: object; signal: AbortSignal },
): Promise<UpstreamAnswer> {
  const outgoing: Outgoing = { method: 'POST', path, body: JSON.stringify(body) }
  const response = await upstream.connection.send(outgoing, signal)
  const status = response.statusCode ?? 502
  if (status === 401 || status === 403 || status === 407) {
    // The caller's key is not the one that was refused, and the refusal may quote ours.
    throw statusFailure(
      status,
      response.headers,
      await readText(response, longestError, signal),
      upstream.redact,
    )
  }
  return { status, headers: shownHeaders(response), body: response }
}

const shown =
  /^(content-type|content-encoding|content-length|retry-after(-ms)?|x-ratelimit-.+|openai-(model|version|processing-ms))$/

function shownHeaders(response: IncomingMessage): Record<string, string> {
  const entries = Object.entries(response.headers)
  return Object.fromEntries(
    entries.filter(([name]) => shown.test(name)).map(([name, value]) => [name, String(value)]),
  )
}

function listed(body: unknown): ListedModel[] {
  const data = asRecord(body)?.data
  if (!Array.isArray(data)) throw brokenAnswer('a list of models without data')
  return data
    .map((entry) => asRecord(entry))
    .filter((entry): entry is Record<string, unknown> => typeof entry?.id === 'string')
    .map((entry) => ({
      id: String(entry.id),
      object: 'model' as const,
      created: typeof entry.created === 'number' ? Math.floor(entry.created) : 0,
      owned_by: typeof entry.owned_by === 'string' ? entry.owned_by : 'system',
    }))
}

async function countUsage(request: ChatRequest, end: AnswerEnd): Promise<ModelUsage> {
  return {
    prompt_tokens: await countPromptTokens(request),
    completion_tokens: await countTokens(end.output),
    cached_tokens: 0,
    reasoning_tokens: 0,
  }
}
