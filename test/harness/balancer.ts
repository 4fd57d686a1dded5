/** A round-robin load balancer before servers: each is asked for /readyz, and gets requests while it says that it is. */
import { once } from 'node:events'
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const probeMs = 200

export interface Balancer {
  /** With `/v1`. */
  url: string
  /** From now on this server gets requests when it is ready. */
  add(url: string): void
  /** Resolves when so many servers are ready. */
  ready(count: number): Promise<void>
  close(): Promise<void>
}

export async function balancer(): Promise<Balancer> {
  const targets = new Map<string, boolean>()
  let turn = 0
  const probing = setInterval(() => {
    for (const url of targets.keys()) {
      void fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) }).then(
        async (answer) => {
          await answer.body?.cancel()
          targets.set(url, answer.ok)
        },
        () => targets.set(url, false),
      )
    }
  }, probeMs)
  const readyTargets = () => [...targets].filter(([, isReady]) => isReady).map(([url]) => url)
  const server = createServer((incoming, outgoing) => {
    const all = readyTargets()
    turn += 1
    passOn(all[turn % all.length], incoming, outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    add: (url) => void targets.set(url, false),
    async ready(count) {
      while (readyTargets().length < count) await new Promise((resolve) => setTimeout(resolve, 20))
    },
    async close() {
      clearInterval(probing)
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A request is never tried again: what fails at the server fails at the client. */
function passOn(target: string | undefined, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (target === undefined) {
    outgoing.writeHead(502).end('no server is ready')
    return
  }
  const { hostname, port, host } = new URL(target)
  const upstream = forward({
    hostname,
    port,
    method: incoming.method,
    path: incoming.url,
    headers: { ...incoming.headers, host, connection: 'close' },
    agent: false,
  })
  upstream.on('error', () => outgoing.destroy())
  upstream.on('response', (answer) => {
    answer.on('error', () => outgoing.destroy())
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.pipe(outgoing)
  })
  incoming.pipe(upstream)
}
