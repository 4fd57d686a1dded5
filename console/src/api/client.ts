/** The way to the server: the official SDK where it has the call, and one function for what is beyond it. */
import OpenAI from 'openai'
import { apiKey } from './session.ts'

const base = `${location.origin}/v1`

/** A client with the key of the moment. */
export function openai(): OpenAI {
  return new OpenAI({ baseURL: base, apiKey: apiKey(), dangerouslyAllowBrowser: true, maxRetries: 1 })
}

/** What went wrong, in the words of the server, with what is needed to find the request in its log. */
export interface Failure {
  /** undefined: the server was not reached. */
  status: number | undefined
  message: string
  requestId: string | undefined
}

class CallFailure extends Error {
  readonly status: number
  readonly requestId: string | undefined
  constructor(status: number, message: string, requestId: string | undefined) {
    super(message)
    this.name = 'CallFailure'
    this.status = status
    this.requestId = requestId
  }
}

export interface Call {
  method: 'GET' | 'POST' | 'DELETE'
  /** Below /v1, with its query. */
  path: string
  body?: unknown
  signal?: AbortSignal
}

/** Answers the parsed body; throws `CallFailure`, or what `fetch` throws when the server is away. */
export async function call<Answer>({ method, path, body, signal }: Call): Promise<Answer> {
  const response = await rawCall({ method, path, body, ...(signal && { signal }) })
  return (await response.json()) as Answer
}

/** The response itself, for streams; throws `CallFailure` unless it is a success. */
export async function rawCall({ method, path, body, signal }: Call): Promise<Response> {
  const response = await fetch(base + path, {
    method,
    headers: {
      authorization: `Bearer ${apiKey()}`,
      'openai-beta': 'assistants=v2',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  })
  if (response.ok) return response
  const text = await response.text()
  throw new CallFailure(response.status, messageOf(text), response.headers.get('x-request-id') ?? undefined)
}

function messageOf(text: string): string {
  try {
    const body = JSON.parse(text) as { error?: { message?: string } }
    return body.error?.message ?? text
  } catch {
    return text
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof CallFailure) {
    return { status: error.status, message: error.message, requestId: error.requestId }
  }
  if (error instanceof OpenAI.APIError && error.status !== undefined) {
    const body = error.error as { message?: string } | undefined
    return {
      status: error.status as number,
      message: body?.message ?? error.message,
      requestId: error.requestID ?? undefined,
    }
  }
  const isAway = error instanceof OpenAI.APIConnectionError || error instanceof TypeError
  const message = isAway
    ? 'The server does not answer.'
    : String(error instanceof Error ? error.message : error)
  return { status: undefined, message, requestId: undefined }
}

/** Builds a query string out of what is set. */
export function queryText(values: Record<string, string | number | readonly string[] | undefined>): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === '') continue
    if (typeof value === 'object') for (const one of value) query.append(`${key}[]`, one)
    else query.append(key, String(value))
  }
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
