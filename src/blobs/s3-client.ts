/** Signed requests to one bucket of an S3-compatible server, retried when the server or the network fails. */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { pipeline, type Readable } from 'node:stream'
import { AwsV4Signer } from 'aws4fetch'
import { sleep } from '../util/abort.ts'
import type { S3BlobSettings } from './settings.ts'
import { BlobsUnavailable } from './unavailable.ts'
import { codeOf } from '../util/error-code.ts'
import { messageOf } from '../util/describe-error.ts'

export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** The object's name in the bucket: letters, digits and `. _ - /`. */
  key: string
  headers?: Record<string, string>
  /** `open` is called once for each attempt. */
  body?: { open(): Readable; bytes: number; sha256: string }
  signal?: AbortSignal | undefined
}

export interface S3Client {
  /**
   * Resolves with an answer of any status that a retry would not change. The caller must read or destroy its body.
   * Rejects with `BlobsUnavailable` when the server cannot be reached, and with the signal's reason on abort.
   */
  send(request: S3Request): Promise<IncomingMessage>
  close(): void
}

const maxAttempts = 4
const firstPauseMs = 200
/** A request fails when no byte was sent or received for this long. */
const idleTimeoutMs = 120_000
const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export function createS3Client(settings: S3BlobSettings): S3Client {
  const protocol = new URL(settings.endpoint).protocol === 'https:' ? https : http
  const agent = new protocol.Agent({ keepAlive: true })
  const sendOnce = async (request: S3Request): Promise<IncomingMessage> => {
    const { url, headers } = await sign(settings, request)
    const outgoing = protocol.request(url, {
      method: request.method,
      headers,
      agent,
      timeout: idleTimeoutMs,
      ...(request.signal && { signal: request.signal }),
    })
    return exchange(outgoing, request.body?.open())
  }
  return { send: (request) => sendWithRetries(settings, request, sendOnce), close: () => agent.destroy() }
}

/** The URL of an object; the bucket is part of the host or of the path. */
export function objectUrl(settings: S3BlobSettings, key: string): URL {
  const url = new URL(settings.endpoint)
  const isAmazon = /\.amazonaws\.com(\.cn)?$/.test(url.hostname)
  const folder = url.pathname.replace(/\/+$/, '')
  if (settings.path_style ?? !isAmazon) {
    url.pathname = `${folder}/${settings.bucket}/${key}`
  } else {
    url.hostname = `${settings.bucket}.${url.hostname}`
    url.pathname = `${folder}/${key}`
  }
  return url
}

/** An error with the request and the server's answer, whose body it reads. `BlobsUnavailable` when a later try may succeed. */
export async function refusalError(
  settings: S3BlobSettings,
  request: S3Request,
  answer: IncomingMessage,
): Promise<Error> {
  const { code, message } = parseRefusal(await readText(answer))
  const detail = [code, message].filter((text) => text !== '').join(': ')
  const answered = detail === '' ? `${answer.statusCode}` : `${answer.statusCode} ${detail}`
  const text = `S3 answered ${answered} to ${request.method} ${objectUrl(settings, request.key).href}`
  return isTransient(answer.statusCode ?? 0)
    ? new BlobsUnavailable('its storage for file contents answers with an error', text)
    : new Error(text)
}

/** Code and message of an S3 error document. The document has no nested elements, so no XML parser is needed. */
export function parseRefusal(text: string): { code: string; message: string } {
  const tag = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1]?.trim() ?? ''
  return { code: tag('Code'), message: tag('Message') }
}

/** An error document, or the beginning of another body. */
export async function readText(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer) {
    text += String(chunk)
    if (text.length > 65_536) break
  }
  return text
}

async function sign(
  settings: S3BlobSettings,
  request: S3Request,
): Promise<{ url: URL; headers: Record<string, string> }> {
  const signed = await new AwsV4Signer({
    method: request.method,
    url: objectUrl(settings, request.key).href,
    headers: { ...request.headers, 'x-amz-content-sha256': request.body?.sha256 ?? emptySha256 },
    service: 's3',
    region: settings.region,
    accessKeyId: settings.access_key_id,
    secretAccessKey: settings.secret_access_key,
  }).sign()
  const headers = Object.fromEntries(signed.headers.entries())
  // Without a length Node sends chunks, which S3 refuses.
  if (request.body !== undefined) headers['content-length'] = String(request.body.bytes)
  return { url: signed.url, headers }
}

async function sendWithRetries(
  settings: S3BlobSettings,
  request: S3Request,
  sendOnce: (request: S3Request) => Promise<IncomingMessage>,
): Promise<IncomingMessage> {
  for (let attempt = 1; ; attempt++) {
    request.signal?.throwIfAborted()
    const answer = await sendOnce(request).catch((error: unknown) => {
      request.signal?.throwIfAborted()
      if (attempt >= maxAttempts) throw unreachable(settings, error)
      return undefined
    })
    if (answer !== undefined && (attempt >= maxAttempts || !isTransient(answer.statusCode ?? 0)))
      return answer
    answer?.destroy()
    const pauseMs = firstPauseMs * 2 ** (attempt - 1)
    await sleep(pauseMs * (0.5 + Math.random()), request.signal)
  }
}

/** Whether the same request may succeed later. 501 means that it never will. */
function isTransient(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501)
}

function exchange(outgoing: http.ClientRequest, body: Readable | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // The listener stays after the answer: a server that answers early and closes causes an error after it.
    outgoing.on('error', reject)
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no byte was sent or received for ${idleTimeoutMs / 1000} seconds`)),
    )
    outgoing.once('response', (answer) => {
      // From here on the reader of the body may pause.
      outgoing.setTimeout(0)
      resolve(answer)
    })
    if (body === undefined) outgoing.end()
    else pipeline(body, outgoing, (error) => error && reject(error))
  })
}

function unreachable(settings: S3BlobSettings, error: unknown): Error {
  const code = codeOf(error)
  const message = messageOf(error)
  const why = [code, message].filter((text) => text !== '').join(': ')
  return new BlobsUnavailable(
    'its storage for file contents does not answer',
    `The S3 server at ${settings.endpoint} could not be reached or did not finish: ${why}`,
    { cause: error },
  )
}
