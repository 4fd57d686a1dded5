/** Requests of a pull: they wait as long as the server requests, and are retried when a retry can help. */
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { sleep } from '../../util/abort.ts'
import { describeError } from '../../util/describe-error.ts'
import { isObject } from '../../util/is-object.ts'
import { parseJson } from '../../util/parse-json.ts'
import type { Fields } from '../records.ts'
import { PullStopped, type Endpoint } from './endpoint.ts'
import { askedWaitMs, quotaWaitMs } from './rate-limits.ts'

/** The server refused the request, and would refuse a retry as well. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The server failed at each retry. A later pull may succeed. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed'
}

const maxTries = 8
/** The number of tries when the answers request a wait. */
const maxAskedTries = 30
/** The number of tries when a content has a wrong size: a proxy may have answered instead of the service. */
const maxSizeTries = 3
const firstBackoffMs = 500
const maxBackoffMs = 60_000
const pageSize = '100'

type Query = Record<string, string>

/** The result of one try: an answer, or the reason why there is none. */
type Outcome<Value> =
  | { value: Value }
  | { failure: Error; waitMs?: number | undefined; isUnreachable?: boolean }

interface ClientOptions {
  signal: AbortSignal
  /** Called before the wait of `ms` for a retry. */
  onWait: (ms: number, why: string) => void
}

export class PullClient {
  readonly #endpoint: Endpoint
  readonly #signal: AbortSignal
  readonly #onWait: ClientOptions['onWait']
  /** No request is sent before this time (`performance.now()`), because the server requested a wait. */
  #pausedUntilMs = 0

  constructor(endpoint: Endpoint, { signal, onWait }: ClientOptions) {
    this.#endpoint = endpoint
    this.#signal = signal
    this.#onWait = onWait
  }

  /** A JSON object. Throws `Refusal`, `RequestFailed` and `PullStopped`. */
  async get(path: string, query: Query = {}): Promise<Fields> {
    return this.#repeat(path, query, async (response) => {
      const value: unknown = await response.json()
      if (!isObject(value)) throw new Error('the answer is not a JSON object')
      return value
    })
  }

  /** All pages of a list. */
  async *pages(path: string, query: Query = {}): AsyncGenerator<Fields[]> {
    for (let after: string | undefined; ;) {
      const page = await this.get(path, {
        limit: pageSize,
        ...query,
        ...(after !== undefined && { after }),
      })
      const { data, has_more } = page
      if (!Array.isArray(data)) throw new Refusal(200, `GET ${path} was not answered with a list`)
      const objects = data.filter(isObject)
      yield objects
      const last = objects.at(-1)?.['id']
      if (has_more !== true || typeof last !== 'string') return
      if (last === after) throw new Refusal(200, `GET ${path} answers the same page again after ${last}`)
      after = last
    }
  }

  async all(path: string, query: Query = {}): Promise<Fields[]> {
    const objects: Fields[] = []
    for await (const page of this.pages(path, query)) objects.push(...page)
    return objects
  }

  /** Downloads a content to `target`, and checks its size. */
  async download(path: string, target: string, bytes: unknown): Promise<void> {
    await this.#repeat(path, {}, async ({ body }) => {
      const content = body === null ? [] : Readable.fromWeb(body as ReadableStream)
      await pipeline(content, createWriteStream(target))
      const { size } = await stat(target)
      if (size !== bytes)
        throw new Refusal(200, `its content has ${size} bytes, its object says ${String(bytes)}`)
    })
  }

  async #repeat<Value>(
    path: string,
    query: Query,
    read: (response: Response) => Promise<Value>,
  ): Promise<Value> {
    for (let tries = 1; ; tries += 1) {
      await this.#pause()
      const outcome = await this.#try(path, query, read)
      if ('value' in outcome) return outcome.value
      const { failure, waitMs, isUnreachable } = outcome
      if (failure instanceof Refusal && tries === maxSizeTries) throw failure
      if (tries >= (waitMs === undefined ? maxTries : maxAskedTries)) {
        throw isUnreachable
          ? new PullStopped(`${this.#endpoint.url} cannot be reached: ${failure.message}`)
          : new RequestFailed(`GET ${path}: ${failure.message}`)
      }
      const backoffMs = Math.min(maxBackoffMs, firstBackoffMs * 2 ** (tries - 1)) * Math.random()
      this.#onWait(waitMs ?? backoffMs, `GET ${path}: ${failure.message}`)
      if (waitMs === undefined) await this.#sleep(backoffMs)
      else this.#pauseFor(waitMs * (1 + Math.random() / 10))
    }
  }

  async #try<Value>(
    path: string,
    query: Query,
    read: (response: Response) => Promise<Value>,
  ): Promise<Outcome<Value>> {
    let response: Response
    try {
      response = await fetch(this.#address(path, query), {
        headers: this.#endpoint.headers,
        // A redirect could send the key to another address.
        redirect: 'manual',
        signal: this.#signal,
      })
    } catch (error) {
      this.#signal.throwIfAborted()
      return { failure: new Error(describeError(error)), isUnreachable: true }
    }
    this.#pauseFor(quotaWaitMs(response.headers) ?? 0)
    if (!response.ok) return this.#failed(path, response)
    try {
      return { value: await read(response) }
    } catch (error) {
      this.#signal.throwIfAborted()
      return { failure: error instanceof Refusal ? error : new Error(describeError(error)) }
    }
  }

  /** Throws when a retry cannot help. */
  async #failed(path: string, response: Response): Promise<Outcome<never>> {
    const { status, headers } = response
    const message = this.#withoutKey(messageOf(await response.text().catch(() => '')))
    const failure = new Refusal(status, `${status}${message === '' ? '' : `: ${message}`}`)
    if (status >= 300 && status < 400) {
      throw new PullStopped(
        `GET ${path} leads to ${headers.get('location') ?? 'nowhere'}: set --url to the right address.`,
      )
    }
    // A key without the permission for one kind of object gets 401 too, and may read others.
    if (status === 401 && !/permission|scope/i.test(message)) {
      throw new PullStopped(
        `The key is refused (${failure.message}). The next pull continues after the complete parts.`,
      )
    }
    const canRepeat = status === 408 || status === 409 || status === 429 || status >= 500
    if (!canRepeat) throw failure
    return { failure: new Error(failure.message), waitMs: askedWaitMs(headers) }
  }

  #address(path: string, query: Query): string {
    const all = new URLSearchParams({ ...query, ...this.#endpoint.query })
    const text = all.toString()
    return this.#endpoint.url + path + (text === '' ? '' : `?${text}`)
  }

  /** Removes the key: services repeat a wrong key in their error. */
  #withoutKey(message: string): string {
    const { headers } = this.#endpoint
    const key = headers['api-key'] ?? headers['authorization']?.slice('Bearer '.length) ?? ''
    return key === '' ? message : message.replaceAll(key, '…')
  }

  #pauseFor(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, performance.now() + ms)
  }

  async #pause(): Promise<void> {
    this.#signal.throwIfAborted()
    for (let ms = this.#pauseMs(); ms > 0; ms = this.#pauseMs()) await this.#sleep(ms)
  }

  #pauseMs(): number {
    return this.#pausedUntilMs - performance.now()
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, this.#signal)
    this.#signal.throwIfAborted()
  }
}

const maxMessageLength = 300

/** The message of an error object, else the text. */
function messageOf(text: string): string {
  // A proxy may answer with HTML.
  const value = parseJson(text)
  const error = isObject(value) && isObject(value['error']) ? value['error'] : {}
  if (typeof error['message'] === 'string') return error['message'].slice(0, maxMessageLength)
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, maxMessageLength)
}
