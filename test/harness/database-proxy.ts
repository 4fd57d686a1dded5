/** A proxy between a process and its database, to make the database unavailable to that process alone. */
import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'

export interface DatabaseProxy {
  /** The database, by way of the proxy. */
  url: string
  /** Cuts all connections and refuses new ones. */
  block(): void
  /** Lets connections pass again. */
  pass(): void
  close(): Promise<void>
}

/** `target` is a database URL; its `host` parameter may name the folder of a Unix socket. */
export async function databaseProxy(target: string): Promise<DatabaseProxy> {
  const database = new URL(target)
  const host = database.searchParams.get('host') || database.hostname
  const port = Number(database.port || 5432)
  const sockets = new Set<Socket>()
  let isBlocked = false
  const server = createServer((incoming) => {
    if (isBlocked) {
      incoming.destroy()
      return
    }
    const outgoing = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.searchParams.delete('host')
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const cut = () => sockets.forEach((socket) => socket.destroy())
  return {
    url: url.href,
    block() {
      isBlocked = true
      cut()
    },
    pass() {
      isBlocked = false
    },
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
