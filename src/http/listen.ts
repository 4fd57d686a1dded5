/** Opens the addresses and the port of the server. */
import { lookup } from 'node:dns/promises'
import { createServer, type AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** `localhost` has two addresses on most machines, and clients try either first. Any other name or address is one. */
export async function addressesOf(host: string): Promise<[string, ...string[]]> {
  if (host !== 'localhost') return [host]
  const [first = host, ...others] = (await lookup(host, { all: true })).map(({ address }) => address)
  return [first, ...others]
}

/**
 * Listens on the first address, and with the same port on the others, where that is possible. Returns the port. Every
 * connection goes to the one server, so all addresses have the same rules. Throws when the first one cannot be used.
 */
export async function listenOn(
  http: FastifyInstance,
  [first, ...others]: readonly [string, ...string[]],
  port: number,
): Promise<number> {
  const main = http.server
  const further = others.map((host) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      main.emit('connection', socket),
    )
    // A reload may change the limit.
    Object.defineProperty(server, 'maxConnections', { get: () => main.maxConnections })
    server.on('drop', (data) => main.emit('drop', data))
    return { host, server }
  })
  http.addHook('preClose', async () => {
    for (const { server } of further) server.close()
  })
  await http.listen({ host: first, port })
  const bound = (main.address() as AddressInfo).port
  await Promise.all(
    further.map(
      ({ host, server }) =>
        new Promise<void>((resolve) => {
          // Not every machine has both addresses, and another program may use the port of one.
          server.once('error', () => resolve()).listen({ host, port: bound }, resolve)
        }),
    ),
  )
  return bound
}
