/** A TCP proxy before the test database that can go silent: bytes are accepted and never passed on. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'

export interface SilentProxy {
  /** The database behind the proxy. */
  url: string
  goSilent(): void
  /** New connections work again. Those from before stay silent, as after a route came back without its state. */
  heal(): void
  /** Resets all connections. */
  reset(): void
  /** From now on a connection is reset once it has sent so many bytes. */
  resetAfter(bytes: number): void
  close(): Promise<void>
}

export async function silentProxy(databaseUrl: string): Promise<SilentProxy> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let isSilent = false
  let mostBytes = Infinity
  const server = createServer((client) => {
    const upstream = open(target)
    sockets.add(client)
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(client)
        client.destroy()
        upstream.destroy()
      })
    }
    let isDead = false
    let bytes = 0
    client.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > mostBytes) client.resetAndDestroy()
    })
    const pass = (from: Socket, to: Socket) =>
      from.on('data', (chunk: Buffer) => {
        isDead ||= isSilent
        if (!isDead) to.write(chunk)
      })
    pass(client, upstream)
    pass(upstream, client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.searchParams.delete('host')
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    goSilent: () => void (isSilent = true),
    heal: () => void (isSilent = false),
    resetAfter: (most) => void (mostBytes = most),
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The database server of the test run listens on a Unix socket, whose folder is in the query string. */
function open(target: URL): Socket {
  const folder = target.searchParams.get('host')
  const port = Number(target.port || 5432)
  return folder?.startsWith('/')
    ? connect(join(folder, `.s.PGSQL.${port}`))
    : connect(port, folder ?? target.hostname)
}
