/** A TCP proxy in front of a database: it can refuse connections, reset them, delay bytes, or never pass them on. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'

export interface DatabaseProxy {
  /** The database behind the proxy. */
  url: string
  /** Cuts all connections and refuses new ones. */
  block(): void
  /** Accepts connections again. */
  pass(): void
  /** Keeps what clients send, until `resume`. */
  pause(): void
  /** Passes on what was kept. */
  resume(): void
  /** Passes nothing on any more. */
  goSilent(): void
  /** New connections work again. Earlier ones stay silent, as after a route came back without its state. */
  heal(): void
  /** Resets all connections. */
  reset(): void
  /** From now on a connection is reset when it has sent more than `bytes` bytes. */
  resetAfter(bytes: number): void
  close(): Promise<void>
}

/** `databaseUrl` may name the folder of a Unix socket in its parameter `host`. */
export async function databaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let isPaused = false
  let isBlocked = false
  let isSilent = false
  let mostBytes = Infinity
  const server = createServer((client) => {
    if (isBlocked) return void client.destroy()
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
    if (isPaused) client.pause()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.searchParams.delete('host')
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    block() {
      isBlocked = true
      cut()
    },
    pass: () => void (isBlocked = false),
    pause() {
      isPaused = true
      for (const socket of sockets) socket.pause()
    },
    resume() {
      isPaused = false
      for (const socket of sockets) socket.resume()
    },
    goSilent: () => void (isSilent = true),
    heal: () => void (isSilent = false),
    resetAfter: (most) => void (mostBytes = most),
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

function open(target: URL): Socket {
  const folder = target.searchParams.get('host')
  const port = Number(target.port || 5432)
  return folder?.startsWith('/')
    ? connect(join(folder, `.s.PGSQL.${port}`))
    : connect(port, folder || target.hostname)
}
