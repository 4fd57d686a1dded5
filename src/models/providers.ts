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

/** What a driver provides; `server` is absent where the driver is not a server. */
export interface Provider {
  chat: ChatModel
  server: OpenAiCompatible | undefined
  /** Where it answers, for the banner: no keys. */
  place: string
  /** Whose names of models it serves, where that is certain. */
  vendor: string | undefined
  facts(model: string): ModelFacts
  /** The models that it is known to have, where it is not a server that lists them. */
  names?: () => string[]
  close(): Promise<void>
}

/** Connects to nothing yet. Throws a plain sentence for settings that cannot work. */
export function openProvider(settings: ChatProviderSettings, parts: OpenAiParts, health: Health): Provider {
  const vendor = vendorOf(settings)
  const close = async () => {}
  switch (settings.type) {
    case 'demo':
      return {
        chat: demoModel(),
        server: undefined,
        place: 'built in, fixed answers',
        vendor,
        facts: () => ({}),
        names: () => [parts.name],
        close,
      }
    case 'openai': {
      const server = openOpenAiCompatible(settings, parts)
      const { origin, pathname } = new URL(settings.base_url)
      return {
        chat: server,
        server: watched(server, parts.name, health),
        place: origin + pathname,
        vendor,
        facts: knownFacts,
        close: async () => server.close(),
      }
    }
    case 'anthropic':
    case 'google':
    case 'mistral':
    case 'azure':
    case 'bedrock':
    case 'google-vertex':
    case 'ai-sdk': {
      const place = settings.base_url === undefined ? settings.type : new URL(settings.base_url).origin
      const chat = openAiSdkModel(settings, parts.name)
      const isOurs = (name: string) => vendor !== undefined && vendorOfName(name) === vendor
      const names = () => knownNames().filter(isOurs)
      return { chat, server: undefined, place, vendor, facts: knownFacts, names, close }
    }
    case 'local': {
      const model = openLocalModel(settings)
      return {
        chat: model,
        server: undefined,
        place: settings.path,
        vendor,
        facts: () => ({ context_window: model.contextWindow() }),
        names: () => [parts.name],
        close: () => model.close(),
      }
    }
  }
}

/** The server, but that each call shows whether it answers. Chats are watched by their route. */
function watched(server: OpenAiCompatible, name: string, health: Health): OpenAiCompatible {
  return {
    ...server,
    chatCompletions: (body, signal) => health.watch(name, server.chatCompletions(body, signal)),
    embeddings: (body, signal) => health.watch(name, server.embeddings(body, signal)),
    postJson: (path, body, signal) => health.watch(name, server.postJson(path, body, signal)),
    listModels: (signal) => health.watch(name, server.listModels(signal)),
  }
}
