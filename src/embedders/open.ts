/** Opens the embedder for vector stores. This is the only file that knows the drivers by name. */
import type { OpenAiCompatible } from '../models/openai/openai-model.ts'
import type { ModelSettings } from '../models/settings.ts'
import { BuiltinEmbedder } from './builtin/builtin-embedder.ts'
import { openOpenAiEmbedder } from './openai-embedder.ts'
import type { Embedder } from './port.ts'

/** As `default_embedder` it is the built-in embedder, whatever providers serve. */
export const builtinName = 'built-in'

/** What the Assistants API itself embeds files with. */
const openAiDefault = { model: 'text-embedding-3-large', dimensions: 256 }

/** Finds the connection of a provider by its name. */
export type ServerOf = (provider: string) => OpenAiCompatible | undefined

/**
 * The configured `default_embedder`; without one, that of the first provider that serves embeddings; else the built-in
 * one. Throws a sentence for a setting that cannot work.
 */
export function openEmbedder(settings: ModelSettings, serverOf: ServerOf): Embedder {
  const name = settings.default_embedder
  if (name === undefined) return openServed(settings, serverOf) ?? new BuiltinEmbedder()
  if (name === builtinName) return new BuiltinEmbedder()
  const slash = name.indexOf('/')
  const provider = name.slice(0, Math.max(slash, 0))
  const model = name.slice(slash + 1)
  const server = serverOf(provider)
  const own = settings.providers[provider]
  if (server === undefined || own?.type !== 'openai') {
    throw new Error(
      `default_embedder is "${name}": write "${builtinName}" or "provider/model", with a provider of type openai.`,
    )
  }
  return openOpenAiEmbedder({ server, model, written: own.embedders?.[model] })
}

/** A provider serves embeddings when its settings list an embedding model, or when it is OpenAI. */
function openServed(settings: ModelSettings, serverOf: ServerOf): Embedder | undefined {
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
