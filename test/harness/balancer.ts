/** A round-robin load balancer: it polls /readyz of each server, and sends requests to those that are ready. */
import { once } from 'node:events'
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const probeMs = 200

export interface Balancer {
  /** With `/v1`. */
  url: string
  /** Adds a server; it gets requests while it is ready. */
  add(url: string): void
  /** Resolves when this number of servers is ready. */
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

/** A request is never retried: an error of the server reaches the client. */
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
