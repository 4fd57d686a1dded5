/** `models pull` and the start of a server that may fetch weights. */
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isPulled, localModels, type LocalModel } from '../../src/embedders/local/catalog.ts'
import { pullModel } from '../../src/embedders/local/pull.ts'
import { makeDataDir } from '../harness/data-dir.ts'
import { contentOf, serveWeights, smallModel, weightsOf } from '../harness/local-model.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

let data: ReturnType<typeof makeDataDir>
let model: LocalModel
let handler: Handler
let asked: { url: string; range: string | undefined }[]
const server = createServer((request, response) => {
  asked.push({ url: request.url ?? '', range: request.headers.range })
  handler(request, response)
})

beforeEach(async () => {
  data = makeDataDir()
  asked = []
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  model = smallModel(`http://127.0.0.1:${(server.address() as AddressInfo).port}/models/small/`)
  handler = serveWeights
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await data.remove()
})

const part = () => join(data.path, 'models', 'small', 'model.onnx.part')
const file = (name: string) => join(data.path, 'models', 'small', name)
const pull = (options: { source?: string; stallMs?: number } = {}) =>
  pullModel(model, { dataDir: data.path, ...options })

describe('the files of a local model', () => {
  test('come from its address, with progress, and are not fetched twice', async () => {
    const seen: [string, number][] = []
    const onProgress = ({ name }: { name: string }, bytes: number) => seen.push([name, bytes])
    await pullModel(model, { dataDir: data.path, onProgress })
    for (const { name, bytes } of model.files) {
      expect(readFileSync(file(name))).toEqual(contentOf(name))
      expect(seen).toContainEqual([name, bytes])
    }
    expect(isPulled(data.path, model)).toBe(true)
    const count = asked.length
    await pull()
    expect(asked).toHaveLength(count)
  })

  test('are continued after a connection that broke', async () => {
    let answer: ServerResponse | undefined
    handler = (request, response) => {
      if (!request.url?.includes('onnx')) return serveWeights(request, response)
      const content = contentOf('model.onnx')
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, 100_000))
      answer = response
    }
    const pulled = pull().catch((error: unknown) => error)
    await expect.poll(() => statSync(part(), { throwIfNoEntry: false })?.size ?? 0).toBeGreaterThan(0)
    answer?.destroy()
    expect(await pulled).toMatchObject({
      message: expect.stringMatching(/model_quantized\.onnx could not be fetched/),
    })
    expect(isPulled(data.path, model)).toBe(false)
    const had = readFileSync(part()).length
    expect(had).toBeGreaterThan(0)
    handler = serveWeights
    await pull()
    expect(asked.map(({ range }) => range)).toContain(`bytes=${had}-`)
    expect(readFileSync(file('model.onnx'))).toEqual(contentOf('model.onnx'))
  })

  test('are fetched from the beginning when the server cannot continue', async () => {
    mkdirSync(join(data.path, 'models', 'small'), { recursive: true })
    writeFileSync(part(), contentOf('model.onnx').subarray(0, 1000))
    handler = (request, response) => response.end(contentOf(weightsOf(request.url ?? '')))
    await pull()
    expect(readFileSync(file('model.onnx'))).toEqual(contentOf('model.onnx'))
  })

  test('are fetched from the beginning when more is there than the server has', async () => {
    mkdirSync(join(data.path, 'models', 'small'), { recursive: true })
    writeFileSync(part(), Buffer.alloc(400_000))
    handler = (request, response) => {
      if (request.headers.range === undefined) return serveWeights(request, response)
      response.writeHead(416).end()
    }
    await pull()
    expect(readFileSync(file('model.onnx'))).toEqual(contentOf('model.onnx'))
  })

  test.for([416, 404, 500])('fail with a sentence when the server answers %i', async (status) => {
    handler = (_request, response) => response.writeHead(status).end()
    await expect(pull()).rejects.toThrow(`the answer is ${status}`)
  })

  test('fail when no data arrive for a while, and can be continued', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': 300_000 })
      response.write('weights ')
    }
    await expect(pull({ stallMs: 50 })).rejects.toThrow('nothing came for 0.05 s')
    expect(isPulled(data.path, model)).toBe(false)
  })

  test.for(['other bytes of the same length', 'a shorter file', 'a longer file'])(
    'are refused when there are %s',
    async (kind) => {
      const content = Buffer.from(contentOf('model.onnx'))
      const wrong: Record<string, Buffer> = {
        'a shorter file': content.subarray(1),
        'a longer file': Buffer.concat([content, Buffer.from('x')]),
      }
      content[7] = 0
      handler = (_request, response) => response.end(wrong[kind] ?? content)
      await expect(pull()).rejects.toThrow(/SHA-256|more than 300000 bytes/)
      expect(existsSync(file('model.onnx'))).toBe(false)
      handler = serveWeights
      await pull()
      expect(isPulled(data.path, model)).toBe(true)
    },
  )

  test.for(['onnx/model_quantized.onnx', 'model_quantized.onnx', 'model.onnx'])(
    'come from a folder that has %s',
    async (name) => {
      const source = join(data.path, 'offline')
      mkdirSync(join(source, 'onnx'), { recursive: true })
      writeFileSync(join(source, name), contentOf('model.onnx'))
      writeFileSync(join(source, 'tokenizer.json'), contentOf('tokenizer.json'))
      await pull({ source })
      expect(isPulled(data.path, model)).toBe(true)
      expect(asked).toEqual([])
    },
  )

  test.for(['weights.tar', 'weights.tar.gz'])('come from the archive %s', async (name) => {
    const archive = pack()
    archive.entry({ name: 'small/readme.md' }, 'not a model')
    archive.entry({ name: 'small/onnx/model_quantized.onnx' }, contentOf('model.onnx'))
    archive.entry({ name: 'small/tokenizer.json' }, contentOf('tokenizer.json'))
    archive.finalize()
    const pieces: Buffer[] = []
    for await (const piece of archive as AsyncIterable<Buffer>) pieces.push(piece)
    const bytes = Buffer.concat(pieces)
    const source = join(data.path, name)
    writeFileSync(source, name.endsWith('gz') ? gzipSync(bytes) : bytes)
    await pull({ source })
    expect(isPulled(data.path, model)).toBe(true)
  })

  test('fail with a clear error when the source does not exist', async () => {
    await expect(pull({ source: join(data.path, 'nothing') })).rejects.toThrow(/neither an address nor/)
    await expect(pull({ source: data.path })).rejects.toThrow('has no onnx/model_quantized.onnx')
  })
})

test('every known model names its files by a revision that cannot change', () => {
  for (const { source, files } of localModels) {
    expect(source).toMatch(/\/resolve\/[0-9a-f]{40}\/$/)
    for (const { sha256 } of files) expect(sha256).toMatch(/^[0-9a-f]{64}$/)
  }
})
