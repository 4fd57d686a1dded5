/** A start with SPOOL_DOWNLOADS=1, against a server on loopback that has the weights of the first local model. */
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pullEmbedder } from '../../src/cli/models.ts'
import { isPulled, localModels } from '../../src/embedders/local/catalog.ts'
import { contentOf, installRuntime, serveWeights, smallModel, weightsOf } from '../harness/local-model.ts'
import { testServer, type TestServer } from '../harness/server.ts'
import { storeOf } from '../harness/vector-stores.ts'
import { eventually } from '../harness/stories.ts'

const builtIn = 'minilm-words/128'
const [first] = localModels
if (!first) throw new Error('there is no local model')
const real = { ...first }

let server: TestServer
let handler: (request: IncomingMessage, response: ServerResponse) => void
let asked: (string | undefined)[]
const hub = createServer((request, response) => {
  asked.push(request.headers.range)
  handler(request, response)
})

beforeEach(async () => {
  server = await testServer()
  asked = []
  handler = serveWeights
  hub.listen(0, '127.0.0.1')
  await once(hub, 'listening')
  const source = `http://127.0.0.1:${(hub.address() as AddressInfo).port}/small/`
  // The real files are too large for a test.
  Object.assign(first, { ...smallModel(source), name: real.name })
  installRuntime(server.dataDir)
})
afterEach(async () => {
  Object.assign(first, real)
  hub.closeAllConnections()
  hub.close()
  await server.close()
})

const start = (modelSource?: string) =>
  server.sibling({ downloads: true, ...(modelSource !== undefined && { modelSource }) })
const failures = () => server.complaints.splice(0).map(({ message }) => message)
const notFetched = 'the weights of a local embedder could not be fetched'

test.for(['the address of the model', 'a configured address'])(
  'the first start fetches the weights from %s once, and files are found by their meaning',
  async (from) => {
    const address = first.source
    if (from === 'a configured address') Object.assign(first, { source: 'http://127.0.0.1:1/' })
    const source = from === 'a configured address' ? address : undefined
    const other = await start(source)
    expect(other.retrieval.embedder.id).toBe(`${real.name}/20`)
    const { id } = await storeOf(other, { 'a.txt': 'snow', 'b.txt': 'refund' })
    const page = await other.openai.vectorStores.search(id, { query: 'money back' })
    expect(page.data[0]?.filename).toBe('b.txt')

    const count = asked.length
    expect((await start(source)).retrieval.embedder.id).toBe(`${real.name}/20`)
    expect(asked).toHaveLength(count)
  },
)

test('weights with another hash are not used, and the server starts with the built-in embedder', async () => {
  handler = (request, response) => {
    const content = Buffer.from(contentOf(weightsOf(request.url ?? '')))
    content[0] = 0
    response.end(content)
  }
  expect((await start()).retrieval.embedder.id).toBe(builtIn)
  expect(failures()).toEqual([notFetched])
  expect(isPulled(server.dataDir, first)).toBe(false)
})

test('a start after one whose connection was cut continues the file', async () => {
  handler = (request, response) => {
    if (!request.url?.includes('onnx')) return serveWeights(request, response)
    const content = contentOf('model.onnx')
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 100_000))
    // The connection is cut when the server has stored some of it.
    const part = join(server.dataDir, 'models', real.name, 'model.onnx.part')
    const stored = () => statSync(part, { throwIfNoEntry: false })?.size ?? 0
    void eventually(() => stored() > 0, 'a stored part').finally(() => response.destroy())
  }
  expect((await start()).retrieval.embedder.id).toBe(builtIn)
  expect(failures()).toEqual([notFetched])
  handler = serveWeights
  expect((await start()).retrieval.embedder.id).toBe(`${real.name}/20`)
  expect(asked).toContainEqual(expect.stringMatching(/^bytes=[1-9]\d*-$/))
})

test('models pull follows a redirect, and refuses weights with another hash', async () => {
  const lines: string[] = []
  const pull = () => pullEmbedder(server.config, { name: real.name }, (line) => lines.push(line))
  handler = (request, response) => response.end(Buffer.alloc(contentOf(weightsOf(request.url ?? '')).length))
  await expect(pull()).rejects.toThrow(/is not the file of all-minilm-l6-v2: its SHA-256 is/)
  handler = serveWeights
  await pull()
  expect(lines.join('\n')).toContain(`${real.name} is in ${server.dataDir}`)
  expect(isPulled(server.dataDir, first)).toBe(true)
})
