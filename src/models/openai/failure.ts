/** Failures of a provider: the code and message of a run's `last_error`, and whether a retry may help. */
import type { IncomingHttpHeaders } from 'node:http'
import { retryAfterMs } from '../../util/retry-after.ts'
import { ModelFailure, type ModelFailureCode } from '../port.ts'
import { isObject } from '../../util/is-object.ts'
import { parseJson } from '../../util/parse-json.ts'

export const sorry = 'Sorry, something went wrong.'

/** A failure of a call, with what a retry needs to know. */
export class UpstreamFailure extends ModelFailure {
  readonly mayRetry: boolean
  /** The wait that the server requests. */
  readonly waitMs: number | undefined
  /** The server's message when it refused the request; it may name the part that it refuses. */
  readonly refusal: string | undefined
  readonly trouble: Trouble | undefined
  constructor(code: ModelFailureCode, message: string, options: FailureOptions) {
    super(code, message, { cause: options.cause })
    this.mayRetry = options.mayRetry ?? false
    this.waitMs = options.waitMs
    this.refusal = options.refusal
    this.trouble = options.trouble
  }
}

/**
 * A problem that affects more than this request: the provider does not answer or is too busy, it has no model of this
 * name, or it refuses the key.
 */
export type Trouble = 'outage' | 'unknown model' | 'credentials'

interface FailureOptions {
  /** What was received, for the log. */
  cause: unknown
  mayRetry?: boolean
  waitMs?: number | undefined
  refusal?: string | undefined
  trouble?: Trouble | undefined
}

/** No connection, or a broken one. A request on a pooled connection that the server had closed is retried at once. */
export class ConnectionLost extends UpstreamFailure {
  constructor(cause: unknown, reusedSocket: boolean) {
    const waitMs = reusedSocket ? 0 : undefined
    super('server_error', sorry, { cause, mayRetry: true, waitMs, trouble: 'outage' })
  }
}

/** The server's bytes are not a valid answer, or end too early. `why` is for the log. */
export function brokenAnswer(
  why: string,
  options: { mayRetry?: boolean; cause?: unknown } = {},
): UpstreamFailure {
  const cause = new Error(why, { cause: options.cause })
  const { mayRetry } = options
  return new UpstreamFailure('server_error', sorry, {
    cause,
    mayRetry,
    trouble: mayRetry ? 'outage' : undefined,
  })
}

/** An HTTP answer that is not 2xx. `redact` removes keys and addresses from what is shown and logged. */
export function statusFailure(
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  redact: (text: string) => string,
): UpstreamFailure {
  const reported = readError(parseJson(body))
  const cause = new Error(`HTTP ${status}: ${redact(body).slice(0, 2_000)}`)
  const outOfQuota = reported.code === 'insufficient_quota' || status === 402
  return new UpstreamFailure(...publicWords(status, reported, redact), {
    cause,
    mayRetry:
      advice(headers) ??
      (!outOfQuota && (status === 408 || status === 409 || status === 429 || status >= 500)),
    waitMs: retryAfterMs((name) => headers[name]?.toString()),
    refusal: refusalOf(status, reported),
    trouble: troubleOf(status, reported),
  })
}

/** An error object inside a stream that had started with status 200. */
export function streamFailure(error: unknown, redact: (text: string) => string): UpstreamFailure {
  const reported = readError({ error })
  const status = statusOf(reported)
  const cause = new Error(`error in the stream: ${redact(JSON.stringify(error) ?? '').slice(0, 2_000)}`)
  const mayRetry = reported.code !== 'insufficient_quota' && (status === 429 || status >= 500)
  const refusal = refusalOf(status, reported)
  const trouble = troubleOf(status, reported)
  return new UpstreamFailure(...publicWords(status, reported, redact), { cause, mayRetry, refusal, trouble })
}

function troubleOf(status: number, reported: ReportedError): Trouble | undefined {
  if (refusesKey(status, reported)) return 'credentials'
  const { code, message = '' } = reported
  if (status === 402 || status === 408 || status === 429 || status >= 500) return 'outage'
  if (code === 'insufficient_quota') return 'outage'
  if (code === 'model_not_found' || code === 'model_decommissioned') return 'unknown model'
  const isAbsent =
    /not (found|exist|a valid)|does(n't| not) exist|invalid model|unknown model|deprecated|decommissioned|retired|shut ?down|^model: /i
  return /model/i.test(message) && isAbsent.test(message) ? 'unknown model' : undefined
}

/** Gemini answers 400 to a wrong key. */
function refusesKey(status: number, { message = '' }: ReportedError): boolean {
  return (
    status === 401 ||
    status === 403 ||
    status === 407 ||
    (status === 400 && /api key (not valid|expired)/i.test(message))
  )
}

function publicWords(
  status: number,
  reported: ReportedError,
  redact: (text: string) => string,
): [ModelFailureCode, string] {
  const message = reported.message === undefined ? undefined : redact(reported.message).slice(0, 2_000)
  if (status === 429 || status === 402 || reported.code === 'insufficient_quota') {
    return ['rate_limit_exceeded', message ?? 'Rate limit reached. Please try again later.']
  }
  // The key belongs to the operator: the message of the provider may quote it, and the user must not see it.
  if (refusesKey(status, reported)) {
    return ['server_error', "The model's provider refused the credentials that this server has for it."]
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 409) {
    return ['invalid_prompt', message ?? `The model's provider refused the request (HTTP ${status}).`]
  }
  return ['server_error', sorry]
}

interface ReportedError {
  message?: string
  code?: string
  type?: string
  param?: string
  /** The provider's error inside the error of a gateway. */
  raw?: string
}

/** Older llama.cpp answers 500 to tools with a grammar. */
function refusalOf(
  status: number,
  { message = '', param = '', raw = '' }: ReportedError,
): string | undefined {
  const isRefusal = status === 400 || status === 422 || (status === 500 && /grammar/i.test(message))
  return isRefusal ? `${param} ${message} ${raw}` : undefined
}

/** The error forms of OpenAI, Ollama (`error` is text), FastAPI (`detail`), older vLLM and Gemini (in an array). */
function readError(body: unknown): ReportedError {
  const outer = asRecord(Array.isArray(body) ? body[0] : body)
  if (outer === undefined) return {}
  if (typeof outer.error === 'string') return { message: outer.error }
  const inner = asRecord(outer.error) ?? outer
  const candidates = [inner.message, inner.detail, asRecord(inner.message)?.detail]
  const texts = candidates.map((text) => (Array.isArray(text) ? validationText(text) : text))
  const raw = asRecord(inner.metadata)?.raw
  return {
    message: texts.find((text): text is string => typeof text === 'string' && text !== ''),
    code: [inner.code, inner.status]
      .find((code) => typeof code === 'string' || typeof code === 'number')
      ?.toString(),
    type: typeof inner.type === 'string' ? inner.type : undefined,
    param: typeof inner.param === 'string' ? inner.param : undefined,
    raw: raw === undefined || typeof raw === 'string' ? raw : JSON.stringify(raw),
  }
}

/** FastAPI's list of validation errors as text, without the values of the request. */
function validationText(detail: unknown[]): string {
  const entries = detail.map((entry) => asRecord(entry) ?? {})
  return entries
    .map(
      ({ loc, msg, type }) => `${Array.isArray(loc) ? loc.join('.') : ''}: ${String(msg)} (${String(type)})`,
    )
    .join('; ')
}

/** The status of an error inside a stream, derived from its code or type. */
function statusOf(reported: ReportedError): number {
  const words = `${reported.code ?? ''} ${reported.type ?? ''}`
  if (/^[45]\d\d$/.test(reported.code ?? '')) return Number(reported.code)
  if (/rate_limit|insufficient_quota|too_many/.test(words)) return 429
  if (/invalid_request|invalid_prompt|context_length|content_policy|BadRequest/.test(words)) return 400
  return 500
}

function advice(headers: IncomingHttpHeaders): boolean | undefined {
  if (headers['x-should-retry'] === 'true') return true
  if (headers['x-should-retry'] === 'false') return false
  return undefined
}

/** The value as a JSON object; undefined when it is not one. */
export function asRecord(value: unknown): Record<string, unknown> | undefined {
  return isObject(value) ? value : undefined
}
