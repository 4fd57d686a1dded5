/** A start without a provider, with model servers on this machine. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, afterEach, expect, test } from 'vitest'
import { withLocalServers } from '../../src/models/discover.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const log = () => undefined
const nothing = { providers: {}, models: {} }

/** A server that lists these models and embeds with three numbers. */
async function modelServer(ids: string[]): Promise<number> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/v1/models')
      response.end(JSON.stringify({ object: 'list', data: ids.map((id) => ({ id })) }))
    else if (request.url === '/v1/embeddings')
      response.end(JSON.stringify({ data: [{ embedding: [0, 0.6, 0.8] }] }))
    else response.writeHead(404).end('{}')
  })
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return (server.address() as AddressInfo).port
}

test('a chat model and an embedding model are used, and every other name leads to the chat model', async () => {
  const port = await modelServer(['nomic-embed-text', 'llama3.1:8b'])
  const found = await withLocalServers(nothing, { port: 1, log, places: [{ name: 'ollama', port }] })
  expect(found).toEqual({
    providers: {
      ollama: {
        type: 'openai',
        base_url: `http://127.0.0.1:${port}/v1`,
        embedders: { 'nomic-embed-text': { dimensions: 3 } },
      },
    },
    models: {
      'nomic-embed-text': 'ollama/nomic-embed-text',
      'llama3.1:8b': 'ollama/llama3.1:8b',
      '*': 'ollama/llama3.1:8b',
    },
    default_embedder: 'ollama/nomic-embed-text',
  })
})

test('the first server with a chat model gets the names without a provider', async () => {
  const [first, second] = [await modelServer(['bge-m3']), await modelServer(['qwen3'])]
  const places = [
    { name: 'ollama', port: first },
    { name: 'vllm', port: second },
  ]
  const { models, default_embedder } = await withLocalServers(nothing, { port: 1, log, places })
  expect(models['*']).toBe('vllm/qwen3')
  expect(default_embedder).toBe('ollama/bge-m3')
})

test('nothing changes when no server answers, a server has no model, or a provider is configured', async () => {
  const port = await modelServer([])
  const places = [
    { name: 'ollama', port },
    { name: 'vllm', port: 1 },
  ]
  expect(await withLocalServers(nothing, { port: 2, log, places })).toBe(nothing)
  const chat = [{ name: 'ollama', port: await modelServer(['llama3']) }]
  const configured = { providers: { demo: { type: 'demo' as const } }, models: {} }
  expect(await withLocalServers(configured, { port: 2, log, places: chat })).toBe(configured)
  expect(await withLocalServers(nothing, { port: chat[0]?.port ?? 0, log, places: chat })).toBe(nothing)
})

describe('the embedding model of a configured server on this machine', () => {
  const settingsFor = (base_url: string, more: object = {}) => ({
    providers: { mine: { type: 'openai' as const, base_url, ...more } },
    models: { '*': 'mine' },
  })
  const options = { port: 1, log, places: [] }

  test('is used when the settings name none', async () => {
    const base_url = `http://127.0.0.1:${await modelServer(['llama3', 'nomic-embed-text'])}/v1`
    const found = await withLocalServers(settingsFor(base_url), options)
    expect(found).toEqual(settingsFor(base_url, { embedders: { 'nomic-embed-text': { dimensions: 3 } } }))
  })

  test('is not looked for when the settings name one, or have a default_embedder', async () => {
    const base_url = `http://127.0.0.1:${await modelServer(['nomic-embed-text'])}/v1`
    const written = settingsFor(base_url, { embedders: { own: { dimensions: 8 } } })
    expect(await withLocalServers(written, options)).toBe(written)
    const named = { ...settingsFor(base_url), default_embedder: 'built-in' }
    expect(await withLocalServers(named, options)).toBe(named)
  })

  test('is missing when the server has none, does not answer, or is on another machine', async () => {
    const silent = settingsFor('http://127.0.0.1:1/v1')
    const chatOnly = settingsFor(`http://127.0.0.1:${await modelServer(['llama3'])}/v1`)
    const elsewhere = settingsFor('http://192.0.2.1/v1')
    for (const settings of [silent, chatOnly, elsewhere])
      expect(await withLocalServers(settings, options)).toBe(settings)
  })
})
