/** The model of the bench: a server that answers any chat with the number of tokens that the last message names. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const server = createServer((incoming, response) => {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    // The server also requests the list of models, and works without it.
    if (incoming.method !== 'POST') return void response.writeHead(404).end()
    const body = JSON.parse(Buffer.concat(chunks).toString()) as { messages: { content: string }[] }
    // `tokens 20 every 5 as 17`: twenty tokens at intervals of five milliseconds, each with the text `17:i `.
    const said = body.messages.at(-1)?.content ?? ''
    const [, count = '20', everyMs = '0', name = 'x'] = /tokens (\d+) every (\d+) as (\w+)/.exec(said) ?? []
    void answer(response, Number(count), Number(everyMs), name)
  })
})

async function answer(response: ServerResponse, count: number, everyMs: number, name: string): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const frame = (choice: object, usage?: object) =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'bench', choices: [{ index: 0, ...choice }], ...usage })}\n\n`
  for (let token = 0; token < count; token++) {
    if (everyMs > 0 && token > 0) await new Promise((resolve) => setTimeout(resolve, everyMs))
    response.write(frame({ delta: { content: `${name}:${token} ` }, finish_reason: null }))
  }
  const usage = { prompt_tokens: 5, completion_tokens: count, total_tokens: 5 + count }
  response.end(`${frame({ delta: {}, finish_reason: 'stop' }, { usage })}data: [DONE]\n\n`)
}

// The targets are measured in turn, so a connection is idle for longer than the default timeout.
server.keepAliveTimeout = 300_000
server.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`)
})
