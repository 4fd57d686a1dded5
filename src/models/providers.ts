/** Opens providers: the one place that knows the drivers by name. */
import { openAiSdkModel } from './ai-sdk/ai-sdk-model.ts'
import { demoModel } from './demo/demo-model.ts'
import type { Health } from './health.ts'
import { openLocalModel } from './local/local-model.ts'
import { knownFacts, knownNames, type ModelFacts } from './model-facts.ts'
import { openOpenAiCompatible, type OpenAiCompatible, type OpenAiParts } from './openai/openai-model.ts'
import type { ChatModel } from './port.ts'
import { vendorOf, vendorOfName } from './retired-models.ts'
import type { ProviderSettings, RerankProviderSettings } from './settings.ts'

/** A provider that answers chats. */
export type ChatProviderSettings = Exclude<ProviderSettings, RerankProviderSettings>

/** What a driver provides. `server` is absent when no HTTP server is behind it. */
export interface Provider {
  chat: ChatModel
  server: OpenAiCompatible | undefined
  /** The address for the banner, without keys. */
  place: string
  /** The vendor of the models it serves; undefined when that is not certain. */
  vendor: string | undefined
  facts(model: string): ModelFacts
  /** The models that it has, when no server lists them. */
  names?: () => string[]
  close(): Promise<void>
}

/** Connects to nothing yet. Throws for settings that cannot work. */
export function openProvider(settings: ChatProviderSettings, parts: OpenAiParts, health: Health): Provider {
  const vendor = vendorOf(settings)
  const common = { server: undefined, vendor, facts: knownFacts, close: async () => {} }
  const itself = () => [parts.name]
  switch (settings.type) {
    case 'demo': {
      const place = 'built in, fixed answers'
      return { ...common, chat: demoModel(), place, facts: () => ({}), names: itself }
    }
    case 'openai': {
      const chat = openOpenAiCompatible(settings, parts)
      const server = watched(chat, parts.name, health)
      const { origin, pathname } = new URL(settings.base_url)
      return { ...common, chat, server, place: origin + pathname, close: async () => chat.close() }
    }
    case 'anthropic':
    case 'google':
    case 'mistral':
    case 'azure':
    case 'bedrock':
    case 'google-vertex':
    case 'ai-sdk': {
      const place = settings.base_url === undefined ? settings.type : new URL(settings.base_url).origin
      const isOurs = (name: string) => vendor !== undefined && vendorOfName(name) === vendor
      const names = () => knownNames().filter(isOurs)
      return { ...common, chat: openAiSdkModel(settings, parts.name), place, names }
    }
    case 'local': {
      const chat = openLocalModel(settings)
      const facts = () => ({ context_window: chat.contextWindow() })
      return { ...common, chat, place: settings.path, facts, names: itself, close: () => chat.close() }
    }
  }
}

/** The server, with each call recorded in `health`. The route records chats. */
function watched(server: OpenAiCompatible, name: string, health: Health): OpenAiCompatible {
  return {
    ...server,
    chatCompletions: (body, signal) => health.watch(name, server.chatCompletions(body, signal)),
    embeddings: (body, signal) => health.watch(name, server.embeddings(body, signal)),
    postJson: (path, body, signal) => health.watch(name, server.postJson(path, body, signal)),
    listModels: (signal) => health.watch(name, server.listModels(signal)),
  }
}
