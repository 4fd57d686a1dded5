/** Answers bytes that are not an HTTP request, or plain http on the port of https, like any bad request: they reach no hook and no route. */
import type { ConnectionError, FastifyRequest } from 'fastify'
import { maxHeaderSize, STATUS_CODES } from 'node:http'
import type { Socket, Server } from 'node:net'
import { errors, type ApiError } from '../api/errors.ts'
import { newHexId } from '../util/ids.ts'
import { versionHeader } from './headers.ts'

/** For Fastify's `clientErrorHandler`: writes the answer to the socket, as there is no reply, and closes it. */
export function answerUnreadable(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (!socket.writable) {
    socket.destroy(error)
    return
  }
  writeError(socket, toApiError(error))
}

/** Writes the answer and closes the connection. */
function writeError(socket: Socket, failure: ApiError): void {
  const body = JSON.stringify(failure.toBody())
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
    'x-request-id': newHexId('req_'),
    ...versionHeader,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const first = `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? ''}\r\n`
  socket.end(`${first}${lines.join('')}\r\n${body}`)
}

function toApiError(error: ConnectionError): ApiError {
  if (error.code === 'HPE_HEADER_OVERFLOW') return errors.headersTooLarge(maxHeaderSize)
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return errors.requestTimedOut()
  const { reason } = error as { reason?: unknown }
  return errors.unreadableRequest(typeof reason === 'string' ? reason : error.code)
}

/** Throws for a missing Host header. Node itself would answer it without a body. */
export function requireHost({ raw }: FastifyRequest): void {
  if (raw.headers.host === undefined && raw.httpVersion === '1.1') {
    throw errors.unreadableRequest('the header Host is missing')
  }
}

/** The router treats `*`, which HTTP allows for OPTIONS only, as `/`. */
export function requirePath({ raw, method }: FastifyRequest): void {
  if (raw.url === '*') throw errors.invalidUrl(method, '*')
}

/** The first byte of a TLS handshake. */
const handshake = 22

/** Answers a connection that does not begin with a handshake. `idleMs`: how long a connection may send nothing. */
export function answerPlainHttp(https: Server, idleMs: number): void {
  const listeners = https.listeners('connection')
  https.removeAllListeners('connection')
  https.on('connection', (socket: Socket) => {
    const drop = () => socket.destroy()
    socket.once('error', drop).setTimeout(idleMs, drop)
    socket.once('readable', () => {
      const bytes = socket.read() as Buffer | null
      if (bytes !== null && bytes[0] !== handshake) {
        writeError(socket.resume(), errors.plainHttp())
        return
      }
      socket.off('error', drop).off('timeout', drop).setTimeout(0)
      if (bytes !== null) socket.unshift(bytes)
      for (const listener of listeners) listener.call(https, socket)
    })
  })
}
