/** Opens the embedder for vector stores. This is the only file that knows the drivers by name. */
import type { OpenAiCompatible } from '../models/openai/openai-model.ts'
import type { ModelSettings } from '../models/settings.ts'
import { BuiltinEmbedder } from './builtin/builtin-embedder.ts'
import { openOpenAiEmbedder } from './openai-embedder.ts'
import type { Embedder } from './port.ts'

/**
 * The configured `default_embedder`, or the built-in one. `serverOf` finds the connection of a provider by its name.
 * Throws a sentence for a setting that cannot work.
 */
export function openEmbedder(
  settings: ModelSettings,
  serverOf: (provider: string) => OpenAiCompatible | undefined,
): Embedder {
  const name = settings.default_embedder
  if (name === undefined) return new BuiltinEmbedder()
  const slash = name.indexOf('/')
  const provider = name.slice(0, Math.max(slash, 0))
  const model = name.slice(slash + 1)
  const server = serverOf(provider)
  const own = settings.providers[provider]
  if (server === undefined || own?.type !== 'openai') {
    throw new Error(`default_embedder is "${name}": write "provider/model", with a provider of type openai.`)
  }
  return openOpenAiEmbedder({ server, model, written: own.embedders?.[model] })
}
