/** A server that listens on more than one address, as with HOST=localhost. */
import Fastify, { type FastifyInstance } from 'fastify'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect, createServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addressesOf, listenOn } from '../../src/http/listen.ts'
import { answerPlainHttp } from '../../src/http/unreadable.ts'

const tls = (name: string) => readFileSync(join(import.meta.dirname, '../harness/tls', name))
const addresses = ['127.0.0.1', '::1'] as const
const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)

test('a name or an address is one address, localhost is all that this machine has for it', async () => {
  expect(await addressesOf('0.0.0.0')).toEqual(['0.0.0.0'])
  expect(await addressesOf('spool.internal')).toEqual(['spool.internal'])
  expect(await addressesOf('localhost')).toContain('127.0.0.1')
})

let http: FastifyInstance
beforeEach(() => {
  http = Fastify({
    https: { cert: tls('certificate.pem'), key: tls('key.pem') },
    forceCloseConnections: true,
  } as never) as unknown as FastifyInstance
  http.get('/', async () => 'hello')
  answerPlainHttp(http.server, 10_000)
})
afterEach(() => http.close())

async function get(host: string, port: number): Promise<string> {
  const sent = request({ host, port, path: '/', ca: tls('certificate.pem'), servername: 'localhost' })
  sent.end()
  const [answer] = await once(sent, 'response')
  return text(answer)
}

describe.runIf(hasIpv6)('two addresses', () => {
  test('both have the same port, https, and the answer to plain http', async () => {
    const port = await listenOn(http, addresses, 0)
    for (const host of addresses) {
      expect(await get(host, port)).toBe('hello')
      const plain = connect(port, host)
      plain.end('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      expect(await text(plain)).toContain('write https:// in the address')
    }
  })

  test('a limit of connections that is set later holds on both', async () => {
    const port = await listenOn(http, addresses, 0)
    let dropped = 0
    http.server.on('drop', () => (dropped += 1))
    http.server.maxConnections = 1
    for (const [index, host] of addresses.entries()) {
      const first = connect(port, host)
      await once(first, 'connect')
      await once(connect(port, host), 'close')
      expect(dropped).toBe(index + 1)
      first.destroy()
    }
  })

  test('when the server closes, no address listens and open connections end', async () => {
    const port = await listenOn(http, addresses, 0)
    const open = await Promise.all(
      addresses.map(async (host) => {
        const sent = request({ host, port, path: '/', ca: tls('certificate.pem'), servername: 'localhost' })
        sent.end()
        const [answer] = await once(sent, 'response')
        answer.resume()
        return sent.socket
      }),
    )
    await http.close()
    for (const socket of open) if (socket?.closed === false) await once(socket, 'close')
    for (const host of addresses) {
      await expect(once(connect(port, host), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  test('a second address whose port another program uses is left out', async () => {
    const other = createServer((socket) => socket.end('other')).listen({ host: '::1', port: 0 })
    await once(other, 'listening')
    const port = await listenOn(http, addresses, (other.address() as AddressInfo).port)
    expect(await get('127.0.0.1', port)).toBe('hello')
    other.close()
  })
})

test('a second address that this machine does not have is left out', async () => {
  const port = await listenOn(http, ['127.0.0.1', '192.0.2.1'], 0)
  expect(await get('127.0.0.1', port)).toBe('hello')
})
