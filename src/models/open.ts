/** Opens the configured models: the one place that knows the drivers by name. */
import { randomUUID } from 'node:crypto'
import { completeChat, refuseEmbeddings } from './chat-completions.ts'
import { openAiSdkModel } from './ai-sdk/ai-sdk-model.ts'
import { demoModel } from './demo/demo-model.ts'
import { openLocalModel } from './local/local-model.ts'
import { contextWindow } from './model-facts.ts'
import { findModel, healthCheck, listModels, type ProviderHealth } from './model-list.ts'
import { modelMap, windowFor, type ModelMap, type ModelTarget } from './model-map.ts'
import {
  openOpenAiCompatible,
  type ListedModel,
  type OpenAiCompatible,
  type OpenAiParts,
  type UpstreamAnswer,
} from './openai/openai-model.ts'
import type { ChatModel } from './port.ts'
import type { Log } from '../util/log.ts'
import type { ModelSettings, ProviderSettings, RerankProviderSettings } from './settings.ts'

/** A name that leads to a model. */
export interface ResolvedModel {
  chat: ChatModel
  provider: string
  /** Names the provider and its address. Extras of a turn go back only to the origin that they came from. */
  origin: string
  /** The provider's own name; put it into `ChatRequest.model`. */
  model: string
  /** Tokens that a prompt and its answer may hold together. */
  context_window: number
}

/** For the routes that pass a request on as it is: chat completions and embeddings. */
export interface PassThrough {
  provider: string
  model: string
  /** Bodies are posted with `model` replaced by the provider's name; answers come back byte for byte. */
  chatCompletions(body: object, signal: AbortSignal): Promise<UpstreamAnswer>
  embeddings(body: object, signal: AbortSignal): Promise<UpstreamAnswer>
}

export interface Models {
  /** undefined: no pattern of the map fits the name. */
  resolve(name: string): ResolvedModel | undefined
  /** What GET /v1/models lists. A provider that cannot be reached is left out, and a log line says so. */
  list(): Promise<ListedModel[]>
  /** One of them; undefined when no provider has it. Throws `ModelFailure` when the provider that may have it does not answer. */
  find(name: string): Promise<ListedModel | undefined>
  /** Whether the providers that are servers answer; checked when asked, and not again for ten seconds. */
  health(): Promise<ProviderHealth[]>
  /** Names this server in the header `x-spool-hop` of the requests that it sends. */
  hop: string
  /** undefined: no pattern of the map fits. A model that is not a server is asked through the port. */
  raw(name: string): PassThrough | undefined
  /** The connection of a provider, for embedders; undefined when the provider is not a server. */
  server(provider: string): OpenAiCompatible | undefined
  /** One line for the banner. */
  description: string
  /** Nothing but the demo model is configured. */
  isDemo: boolean
  close(): Promise<void>
}

/** What a driver provides; `server` is absent where the driver is not a server. */
interface Provider {
  chat: ChatModel
  server: OpenAiCompatible | undefined
  /** Where it answers, for the banner: no keys. */
  place: string
  contextWindow(model: string): number
  close(): Promise<void>
}

/** Throws a plain sentence for settings that cannot work; connects to nothing yet. */
export function openModels(settings: ModelSettings, log: Log): Models {
  const hop = randomUUID()
  const given = withDemo(settings)
  const providers = new Map<string, Provider>()
  for (const [name, provider] of Object.entries(given.providers)) {
    if (isChat(provider)) providers.set(name, openProvider(provider, { name, log, hop }))
  }
  const map = modelMap(given.models, [...providers.keys()])
  const find = (name: string) => {
    const target = map.find(name)
    const provider = target === undefined ? undefined : providers.get(target.provider)
    return target === undefined || provider === undefined ? undefined : { target, provider }
  }
  return {
    resolve(name) {
      const found = find(name)
      return found === undefined ? undefined : resolved(name, found, given)
    },
    list: () => listModels(map, providers, log),
    find: (name) => findModel(name, map, providers),
    health: healthCheck(providers),
    hop,
    raw(name) {
      const found = find(name)
      return found === undefined ? undefined : passThrough(found.target, found.provider)
    },
    server: (provider) => providers.get(provider)?.server,
    description: describe(given, map, providers),
    isDemo: Object.values(settings.providers)
      .filter(isChat)
      .every(({ type }) => type === 'demo'),
    async close() {
      await Promise.all([...providers.values()].map((provider) => provider.close()))
    },
  }
}

/** With no provider every name leads to the demo model. */
function withDemo(settings: ModelSettings): ModelSettings {
  const { providers, models } = settings
  if (Object.values(providers).some(isChat)) return settings
  return { ...settings, providers: { demo: { type: 'demo' } }, models: { '*': 'demo', ...models } }
}

type ChatProviderSettings = Exclude<ProviderSettings, RerankProviderSettings>

function isChat(settings: ProviderSettings): settings is ChatProviderSettings {
  return settings.type !== 'rerank'
}

function openProvider(settings: ChatProviderSettings, parts: OpenAiParts): Provider {
  switch (settings.type) {
    case 'demo':
      return {
        chat: demoModel(),
        server: undefined,
        place: 'built in, fixed answers',
        contextWindow: () => 128_000,
        close: async () => {},
      }
    case 'openai': {
      const server = openOpenAiCompatible(settings, parts)
      const { origin, pathname } = new URL(settings.base_url)
      return {
        chat: server,
        server,
        place: origin + pathname,
        contextWindow,
        close: async () => server.close(),
      }
    }
    case 'anthropic':
    case 'google':
    case 'mistral':
    case 'azure':
    case 'bedrock':
    case 'google-vertex':
    case 'ai-sdk':
      return {
        chat: openAiSdkModel(settings, parts.name),
        server: undefined,
        place: settings.base_url === undefined ? settings.type : new URL(settings.base_url).origin,
        contextWindow,
        close: async () => {},
      }
    case 'local': {
      const model = openLocalModel(settings)
      return {
        chat: model,
        server: undefined,
        place: settings.path,
        contextWindow: () => model.contextWindow(),
        close: () => model.close(),
      }
    }
  }
}

function resolved(
  name: string,
  { target, provider }: { target: ModelTarget; provider: Provider },
  { context_windows = {} }: ModelSettings,
): ResolvedModel {
  const written = windowFor(context_windows, name) ?? windowFor(context_windows, target.model)
  return {
    chat: provider.chat,
    provider: target.provider,
    origin: `${target.provider} ${provider.place}`,
    model: target.model,
    context_window: written ?? provider.contextWindow(target.model),
  }
}

function passThrough({ provider, model }: ModelTarget, { chat, server }: Provider): PassThrough {
  return {
    provider,
    model,
    chatCompletions: (body, signal) =>
      server?.chatCompletions({ ...body, model }, signal) ?? completeChat(chat, { ...body, model }, signal),
    embeddings: (body, signal) => server?.embeddings({ ...body, model }, signal) ?? refuseEmbeddings(),
  }
}

function describe(settings: ModelSettings, map: ModelMap, providers: Map<string, Provider>): string {
  const names = Object.keys(settings.models)
  const shown = [...providers].map(([name, provider]) => `${name} (${provider.place})`)
  return `${shown.join(', ')}; names: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`
}
