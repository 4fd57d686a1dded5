/** The lower bound of the bench: a server that passes each request on to the model and the answer back, and stores nothing. */
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

const [model = ''] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 1024 })

const server = createServer((incoming, response) => {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const body = Buffer.concat(chunks)
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const outgoing = request(`${model}/chat/completions`, { method: 'POST', agent, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { 'content-type': 'text/event-stream' })
      answer.pipe(response)
    })
    outgoing.on('error', (error) => response.destroy(error))
    outgoing.end(body)
  })
})

// The targets are measured in turn, so a connection is idle for longer than the default timeout.
server.keepAliveTimeout = 300_000
server.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`)
})
