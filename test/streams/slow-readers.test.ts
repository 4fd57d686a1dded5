import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { eventually, stories } from '../harness/stories.ts'
import { requestStream } from '../harness/read-stream.ts'

let server: TestServer
afterEach(() => server.close())

const { newAssistant, newThread, get, reach } = stories(() => server)

test('a client that does not read delays no run, and gets everything when it reads', async () => {
  server = await testServer()
  const pieces = Array.from({ length: 3000 }, (_, index) => `${index} ${'x'.repeat(2000)}`)
  server.model.script([{ text: pieces }])
  const [assistant, thread] = [await newAssistant(), await newThread('Hello')]
  const url = `${server.url}/threads/${thread.id}/runs`
  const response = await requestStream(url, { assistant_id: assistant.id })
  const [run] = (await get(`/threads/${thread.id}/runs`)).data
  await reach(run, 'completed')
  const text = await response.text()
  const deltas = [...text.matchAll(/event: thread\.message\.delta\ndata: ([^\n]*)/g)].map(
    ([, data]) => JSON.parse(data ?? '').delta.content[0].text.value,
  )
  expect(deltas.join('') === pieces.join('')).toBe(true)
  expect(text.endsWith('event: done\ndata: [DONE]\n\n')).toBe(true)
})

test('a reader that reads nothing for four keep-alive periods is disconnected, and the run continues', async () => {
  server = await testServer({ keepAliveMs: 20 })
  server.model.script([{ text: Array.from({ length: 200 }, () => 'words '.repeat(5000)) }])
  const assistant = await newAssistant()
  const thread = await newThread('Hello')
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  let isCut = false
  socket.on('error', () => (isCut = true))
  const body = JSON.stringify({ assistant_id: assistant.id, stream: true })
  socket.write(
    [
      `POST /v1/threads/${thread.id}/runs HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      'Authorization: Bearer test-key',
      'OpenAI-Beta: assistants=v2',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n'),
  )
  // The client does not read. An empty line is a probe: the server ignores it, and its kernel refuses it after the end.
  await eventually(() => {
    socket.write('\r\n')
    return isCut
  }, 'the end of the connection')
  const [run] = (await get(`/threads/${thread.id}/runs`)).data
  expect((await reach(run, 'completed')).status).toBe('completed')
  socket.destroy()
})
