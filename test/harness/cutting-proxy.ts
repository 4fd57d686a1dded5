/** A proxy between client and server that cuts connections at a given point. */
import { once } from 'node:events'
import { createServer, request as forward, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How much of one answer passes before both connections are cut. */
export type Cut = 'before the request arrives' | 'before the answer' | 'after the headers' | number

export interface CuttingProxy {
  /** With `/v1`. */
  url: string
  /** The next requests are cut, one entry each; those after them go through. */
  cut(...cuts: Cut[]): void
  /** Requests seen. */
  seen: () => number
  close(): Promise<void>
}

export async function cuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target)
  const cuts: Cut[] = []
  let seen = 0
  const server = createServer((incoming, outgoing) => {
    seen += 1
    const cut = cuts.shift()
    const upstream = forward({
      hostname,
      port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, host: `${hostname}:${port}`, connection: 'close' },
    })
    upstream.on('error', () => incoming.socket.destroy())
    const sever = () => {
      incoming.socket.destroy()
      upstream.destroy()
    }
    if (cut === 'before the request arrives') {
      sever()
      return
    }
    upstream.on('response', (answer: IncomingMessage) => {
      if (cut === 'before the answer') {
        sever()
        return
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      outgoing.flushHeaders()
      if (cut === 'after the headers') {
        sever()
        return
      }
      let left = cut ?? Infinity
      answer.on('data', (chunk: Buffer) => {
        outgoing.write(chunk.subarray(0, left))
        left -= chunk.length
        if (left <= 0) sever()
      })
      answer.on('end', () => outgoing.end())
    })
    incoming.pipe(upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    cut: (...more) => cuts.push(...more),
    seen: () => seen,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
