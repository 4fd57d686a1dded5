/** Opens the embedder for vector stores. This is the only file that knows the drivers by name. */
import type { OpenAiCompatible } from '../models/openai/openai-model.ts'
import type { ModelSettings } from '../models/settings.ts'
import { BuiltInEmbedder } from './built-in/built-in-embedder.ts'
import {
  findLocalModel,
  findRuntime,
  isPulled,
  localModels,
  runtimeMissing,
  type LocalModel,
} from './local/catalog.ts'
import { LocalEmbedder } from './local/local-embedder.ts'
import { openOpenAiEmbedder } from './openai-embedder.ts'
import type { Embedder } from './port.ts'

/** As `default_embedder` it is the built-in embedder, whatever providers serve. */
const builtInName = 'built-in'

/** What the Assistants API itself embeds files with. */
const openAiDefault = { model: 'text-embedding-3-large', dimensions: 256 }

/** Finds the connection of a provider by its name. */
export type ServerOf = (provider: string) => OpenAiCompatible | undefined

export interface EmbedderParts {
  settings: ModelSettings
  serverOf: ServerOf
  /** Where `models pull` puts the files of local models. */
  dataDir: string
}

/** The first of `usableEmbedders`. Throws a sentence for a setting that cannot work. */
export function openEmbedder(parts: EmbedderParts): Embedder {
  return usableEmbedders(parts)[0]
}

/**
 * The configured `default_embedder`; without one, best first, all that this server can open: that of the first provider
 * that serves embeddings, the local models that were pulled, the built-in one. Nothing runs before the first text. Throws
 * a sentence for a setting that cannot work.
 */
export function usableEmbedders(parts: EmbedderParts): [Embedder, ...Embedder[]] {
  const name = parts.settings.default_embedder
  if (name !== undefined) return [openNamed(name, parts)]
  const { dataDir } = parts
  const runtime = findRuntime(dataDir)
  const pulled = localModels.filter((model) => runtime !== undefined && isPulled(dataDir, model))
  const local = pulled.map((model) => openLocal(model, dataDir))
  const served = openServed(parts)
  const [best, ...others] = [...(served ? [served] : []), ...local]
  return best ? [best, ...others, new BuiltInEmbedder()] : [new BuiltInEmbedder()]
}

function openNamed(name: string, { settings, serverOf, dataDir }: EmbedderParts): Embedder {
  if (name === builtInName) return new BuiltInEmbedder()
  const model = findLocalModel(name)
  if (model) return openLocal(model, dataDir)
  const slash = name.indexOf('/')
  const provider = name.slice(0, Math.max(slash, 0))
  const server = serverOf(provider)
  const own = settings.providers[provider]
  if (server === undefined || own?.type !== 'openai') {
    const names = [builtInName, ...localModels.map((one) => one.name)].map((one) => `"${one}"`).join(', ')
    throw new Error(
      `default_embedder is "${name}": write ${names} or "provider/model", with a provider of type openai.`,
    )
  }
  const upstream = name.slice(slash + 1)
  return openOpenAiEmbedder({ server, model: upstream, written: own.embedders?.[upstream] })
}

function openLocal(model: LocalModel, dataDir: string): Embedder {
  const { name } = model
  if (!isPulled(dataDir, model)) {
    throw new Error(`The embedder ${name} has no weights in ${dataDir}: spool models pull ${name}`)
  }
  const runtime = findRuntime(dataDir)
  if (runtime === undefined) throw new Error(`The embedder is ${name}, and ${runtimeMissing}`)
  return new LocalEmbedder(model, { dataDir, runtime })
}

/** A provider serves embeddings when its settings list an embedding model, or when it is OpenAI. */
function openServed({ settings, serverOf }: EmbedderParts): Embedder | undefined {
  for (const [provider, own] of Object.entries(settings.providers)) {
    const server = serverOf(provider)
    if (server === undefined || own.type !== 'openai') continue
    const [listed] = Object.entries(own.embedders ?? {})
    if (listed) return openOpenAiEmbedder({ server, model: listed[0], written: listed[1] })
    if (new URL(own.base_url).hostname !== 'api.openai.com') continue
    const { model, dimensions } = openAiDefault
    return openOpenAiEmbedder({ server, model, written: { dimensions } })
  }
  return undefined
}
