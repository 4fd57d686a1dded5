/** Looks for model servers on this machine when no provider is configured. Connects to loopback addresses only. */
import type { Log } from '../util/log.ts'
import type { ModelSettings, OpenAiProviderSettings } from './settings.ts'

/** The usual port of each server. */
const candidates = [
  { name: 'ollama', port: 11_434 },
  { name: 'lm-studio', port: 1234 },
  { name: 'llama-cpp', port: 8080 },
  { name: 'vllm', port: 8000 },
]
const answerMs = 500
const embedMs = 20_000
const embedderName = /embed|bge-|minilm|(^|\/)(e5|gte)-/i

/** A model server, and the names that it lists. */
interface Server {
  name: string
  base_url: string
  models: string[]
}

interface Options {
  /** The port of this server, which is not searched. */
  port: number
  log: Log
  /** For tests: the ports to search instead of the usual ones. */
  places?: readonly { name: string; port: number }[]
}

/**
 * Adds the servers that were found to settings without a provider. With providers in the settings, only asks those on
 * this machine that have no `embedders` for an embedding model, unless `default_embedder` is set.
 */
export async function withLocalServers(
  settings: ModelSettings,
  { port: own, log, places = candidates }: Options,
): Promise<ModelSettings> {
  if (Object.keys(settings.providers).length > 0) return withListedEmbedder(settings, own)
  const asked = places
    .filter(({ port }) => port !== own)
    .map(({ name, port }) => findServer(`http://127.0.0.1:${port}/v1`, name))
  const found = (await Promise.all(asked)).flatMap((server) =>
    server && server.models.length > 0 ? [server] : [],
  )
  const chat = found.flatMap((server) => modelsOf(server, false))[0]
  if (!chat) return settings
  log('info', 'model servers were found on this machine', {
    servers: found.map(({ name, base_url }) => `${name} at ${base_url}`),
  })
  const embedder = await firstEmbedder(found)
  const providers = found.map(({ name, base_url }) => [name, providerOf(base_url, name, embedder)])
  return {
    ...settings,
    providers: Object.fromEntries(providers) as ModelSettings['providers'],
    models: {
      // The name of a model that was found leads to that model, and every other name to the first chat model.
      ...Object.fromEntries(
        found.flatMap(({ name, models }) => models.map((model) => [model, `${name}/${model}`])),
      ),
      '*': chat,
      ...settings.models,
    },
    ...(settings.default_embedder === undefined && embedder && { default_embedder: embedder.name }),
  }
}

const loopback = new Set(['127.0.0.1', 'localhost', '[::1]'])

async function withListedEmbedder(settings: ModelSettings, own: number): Promise<ModelSettings> {
  if (settings.default_embedder !== undefined) return settings
  for (const [name, provider] of Object.entries(settings.providers)) {
    if (provider.type !== 'openai' || provider.embedders) continue
    const { hostname, port } = new URL(provider.base_url)
    if (!loopback.has(hostname) || Number(port) === own) continue
    const server = await findServer(provider.base_url, name)
    const embedder = server && (await firstEmbedder([server]))
    if (!embedder) continue
    const embedders = { [embedder.model]: { dimensions: embedder.dimensions } }
    return { ...settings, providers: { ...settings.providers, [name]: { ...provider, embedders } } }
  }
  return settings
}

interface FoundEmbedder {
  /** `provider/model`. */
  name: string
  server: string
  model: string
  dimensions: number
}

function providerOf(
  base_url: string,
  name: string,
  embedder: FoundEmbedder | undefined,
): OpenAiProviderSettings {
  const embedders =
    embedder?.server === name ? { [embedder.model]: { dimensions: embedder.dimensions } } : undefined
  return { type: 'openai', base_url, ...(embedders && { embedders }) }
}

function modelsOf({ name, models }: Server, isEmbedder: boolean): string[] {
  return models.filter((model) => embedderName.test(model) === isEmbedder).map((model) => `${name}/${model}`)
}

/** Returns undefined when nothing answers there in time. */
export async function findServer(base_url: string, name: string): Promise<Server | undefined> {
  try {
    const response = await fetch(`${base_url}/models`, { signal: AbortSignal.timeout(answerMs) })
    const body = (await response.json()) as { data?: { id?: unknown }[] }
    const ids = (body.data ?? []).map(({ id }) => id).filter((id) => typeof id === 'string')
    return { name, base_url, models: ids }
  } catch {
    return undefined
  }
}

/** No server lists the number of dimensions, so this embeds one text to find it. */
async function firstEmbedder(servers: Server[]): Promise<FoundEmbedder | undefined> {
  for (const server of servers) {
    for (const name of modelsOf(server, true)) {
      const model = name.slice(server.name.length + 1)
      const dimensions = await widthOf(server.base_url, model)
      if (dimensions !== undefined) return { name, server: server.name, model, dimensions }
    }
  }
  return undefined
}

async function widthOf(base_url: string, model: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${base_url}/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, input: 'width' }),
      signal: AbortSignal.timeout(embedMs),
    })
    const body = (await response.json()) as { data?: { embedding?: unknown }[] }
    const vector = body.data?.[0]?.embedding
    return Array.isArray(vector) && vector.length > 0 ? vector.length : undefined
  } catch {
    return undefined
  }
}
