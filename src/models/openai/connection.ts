/** HTTP to one OpenAI-compatible server: pooled keep-alive connections, and no time limit for the answer. */
import {
  Agent as HttpAgent,
  request as httpRequest,
  validateHeaderValue,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { ConnectionLost } from './failure.ts'
import type { OpenAiProviderSettings } from '../settings.ts'

/** Firewalls drop idle connections, some after a minute. A request on a dropped connection never gets an answer. */
const idleMs = 30_000
/** TCP keep-alive: detects a server that disappeared while a model thinks. */
const probeMs = 30_000

export interface Connection {
  /**
   * Sends one request and resolves with the status and headers of the answer, whatever the status. On abort, closes
   * the socket and rejects with the signal's reason; every other failure is a `ConnectionLost`. The signal also aborts
   * the body, so the caller must read the body to its end or destroy it.
   */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<IncomingMessage>
  close(): void
}

export interface Outgoing {
  method: 'GET' | 'POST'
  /** Relative to the base URL, e.g. `/chat/completions`. */
  path: string
  body?: string
}

/** Opens no connection yet. Throws when a key or header has characters that cannot be sent. */
export function openConnection(settings: OpenAiProviderSettings, hop?: string): Connection {
  const base = new URL(settings.base_url)
  const secure = base.protocol === 'https:'
  const pool = { keepAlive: true, maxFreeSockets: 256, timeout: idleMs, keepAliveMsecs: probeMs }
  const agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool)
  const request = secure ? httpsRequest : httpRequest
  const folder = base.pathname.replace(/\/+$/, '')
  const fixed = { ...urlToHttpOptions(base), agent }
  const headers = { ...fixedHeaders(settings), ...(hop !== undefined && { 'x-spool-hop': hop }) }
  const connectMs = settings.connect_timeout_ms ?? 10_000

  return {
    async send({ method, path, body }, signal) {
      signal.throwIfAborted()
      const payload = body === undefined ? undefined : Buffer.from(body)
      return await new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = request({
          ...fixed,
          method,
          path: folder + path + base.search,
          headers: payload === undefined ? headers : { ...headers, 'content-length': payload.byteLength },
        })
        const abort = () => outgoing.destroy()
        signal.addEventListener('abort', abort, { once: true })
        const forget = () => signal.removeEventListener('abort', abort)
        outgoing.once('socket', (socket) => {
          if (!socket.connecting) return
          const timer = setTimeout(() => outgoing.destroy(new Error('no connection in time')), connectMs)
          const ready = () => clearTimeout(timer)
          socket.once(secure ? 'secureConnect' : 'connect', ready).once('close', ready)
        })
        outgoing.once('response', (answer) => {
          answer.once('close', forget)
          resolve(answer)
        })
        // Never removed: errors after the headers arrive here as well as on the answer.
        outgoing.on('error', (error) => {
          forget()
          reject(signal.aborted ? signal.reason : new ConnectionLost(error, outgoing.reusedSocket))
        })
        // Without an answer and without an error: after a 101, for example.
        outgoing.once('close', () => {
          forget()
          reject(new ConnectionLost(new Error('closed without an answer'), false))
        })
        outgoing.end(payload)
      })
    },
    close: () => agent.destroy(),
  }
}

function fixedHeaders(settings: OpenAiProviderSettings): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'text/event-stream, application/json',
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'user-agent': 'spool',
  }
  if (settings.api_key !== undefined) headers.authorization = `Bearer ${settings.api_key}`
  for (const [name, value] of Object.entries(settings.headers ?? {})) headers[name.toLowerCase()] = value
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderValue(name, value)
    } catch {
      const what = name === 'authorization' ? 'api_key' : `header '${name}'`
      throw new Error(`The ${what} for ${settings.base_url} has characters that an HTTP header cannot carry.`)
    }
  }
  return headers
}
