/** Answers plain http on the port of https, from a client whose address has the wrong scheme. */
import type { Server, Socket } from 'node:net'
import { errors } from '../api/errors.ts'
import { writeError } from './unreadable.ts'

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
