/** The driver for servers that speak OpenAI's Chat Completions, and the pass-through to them. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Log } from '../../util/log.ts'
import { readErrorText } from './answer-reader.ts'
import { streamChat } from './chat.ts'
import { openConnection, type Outgoing } from './connection.ts'
import { asRecord, brokenAnswer, statusFailure } from './failure.ts'
import { redactor } from './redact.ts'
import { requestStyle } from './request.ts'
import type { ChatModel } from '../port.ts'
import type { OpenAiProviderSettings } from '../settings.ts'
import { TokenBatches } from './token-batches.ts'
import { callJson, withRetries, type Upstream } from './upstream.ts'

/** An answer of the provider that is passed on unchanged. */
export interface UpstreamAnswer {
  status: number
  /** Only headers that a caller may see: content type, rate limits, `retry-after` and `openai-*`. */
  headers: Record<string, string>
  body: Readable
}

export interface OpenAiCompatible extends ChatModel {
  /** Posts the body to `/chat/completions` and returns the answer byte for byte, streamed or not. */
  chatCompletions(body: object, signal: AbortSignal): Promise<UpstreamAnswer>
  /** The same for `/embeddings`. */
  embeddings(body: object, signal: AbortSignal): Promise<UpstreamAnswer>
  /** Posts JSON and parses the answer, with the retries of `stream`. For embedders. */
  postJson(path: string, body: object, signal: AbortSignal): Promise<unknown>
  /** The server's own list; a server that has none throws `ModelFailure`. */
  listModels(signal: AbortSignal): Promise<ListedModel[]>
  close(): void
}

export interface ListedModel {
  id: string
  object: 'model'
  created: number
  owned_by: string
}

/** What a driver needs besides its settings. */
export interface OpenAiParts {
  /** The provider's name, for the log. */
  name: string
  log: Log
  /** Names this server in `x-spool-hop`, so that it can refuse requests that it has sent itself. */
  hop?: string | undefined
}

/** Opens no connection yet. Throws for settings that cannot work. */
export function openOpenAiCompatible(settings: OpenAiProviderSettings, parts: OpenAiParts): OpenAiCompatible {
  const upstream: Upstream = {
    name: parts.name,
    log: parts.log,
    connection: openConnection(settings, parts.hop),
    style: requestStyle(settings),
    redact: redactor(settings),
    maxRetries: settings.max_retries ?? 4,
    adaptations: new Map(),
    batches: new TokenBatches(),
  }
  return {
    stream: (request, signal) => streamChat(upstream, request, signal),
    chatCompletions: (body, signal) => passOn(upstream, '/chat/completions', { body, signal }),
    embeddings: (body, signal) => passOn(upstream, '/embeddings', { body, signal }),
    postJson: (path, body, signal) =>
      withRetries(upstream, signal, () =>
        callJson(upstream, { method: 'POST', path, body: JSON.stringify(body) }, signal),
      ),
    listModels: async (signal) =>
      listed(await callJson(upstream, { method: 'GET', path: '/models' }, signal)),
    close: () => upstream.connection.close(),
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
    // The key belongs to the operator, and the refusal may quote it.
    throw statusFailure(status, response.headers, await readErrorText(response, signal), upstream.redact)
  }
  const headers = shownHeaders(response)
  if (status < 400) return { status, headers, body: response }
  // An error may quote a key, or name the address of a server that callers should not know.
  const text = upstream.redact(await readErrorText(response, signal))
  const { 'content-length': _, 'content-encoding': __, ...others } = headers
  return { status, headers: others, body: Readable.from([text]) }
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
