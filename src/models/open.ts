/** Opens the configured models: names lead to routes, and routes to the models of providers. */
import { randomUUID } from 'node:crypto'
import type { Log } from '../util/log.ts'
import { Health, type ProviderHealth } from './health.ts'
import { unknownWindow, type ModelFacts } from './model-facts.ts'
import { findModel, listModels } from './model-list.ts'
import { modelMap, type ModelMap, type ModelTarget } from './model-map.ts'
import type { ListedModel, OpenAiCompatible } from './openai/openai-model.ts'
import { passThrough, type PassThrough } from './pass-through.ts'
import { patternTable } from './patterns.ts'
import type { ChatModel } from './port.ts'
import { openProvider, type ChatProviderSettings, type Provider } from './providers.ts'
import { retiredModels, vendorOfName, type RetiredModels } from './retired-models.ts'
import { routedModel, type Candidate } from './route.ts'
import type { ModelSettings, ProviderSettings } from './settings.ts'

/** A name that leads to a model, or to several that are tried one after another. */
export interface ResolvedModel {
  /** Asks the models of the route; `ChatRequest.model` is filled in. */
  chat: ChatModel
  /** The provider of the first model. */
  provider: string
  /** The provider's own name of the first model. */
  model: string
  /** The providers of the route with their addresses. The extras of a turn are sent to the origin that created them only. */
  origins: string[]
  /** Tokens that a prompt and its answer may hold together, for the first model. */
  context_window: number
  /** The known facts of the first model. */
  facts: ModelFacts
}

export interface Models {
  /** undefined when no pattern of the map matches the name. */
  resolve(name: string): ResolvedModel | undefined
  /** The answer of GET /v1/models. A provider that cannot be reached is left out and logged. */
  list(): Promise<ListedModel[]>
  /** One model; undefined when no provider has it. Throws `ModelFailure` when a provider that may have it does not answer. */
  find(name: string): Promise<ListedModel | undefined>
  /** Whether each provider answered the latest call to it. */
  health(): ProviderHealth[]
  /** The settings in use: the configured ones with the model servers that were found, or with the demo model. */
  settings: ModelSettings
  /** Names this server in the header `x-spool-hop` of the requests that it sends. */
  hop: string
  /** Requests that are passed on as they are; undefined when no pattern of the map matches. */
  raw(name: string): PassThrough | undefined
  /** The connection of a provider, for embedders; undefined when the provider is not a server. */
  server(provider: string): OpenAiCompatible | undefined
  /** One line for the banner. */
  description: string
  /** Whether the demo model is the only one. */
  isDemo: boolean
  close(): Promise<void>
}

interface Opened {
  settings: ModelSettings
  providers: ReadonlyMap<string, Provider>
  map: ModelMap
  retired: RetiredModels
  /** The names that providers have accepted in place of retired ones, by `provider/retired-name`. */
  accepted: Map<string, string>
  factsOf: (name: string) => ModelFacts
  windowOf: (name: string) => number | undefined
}

/** Connects to nothing yet. Throws for settings that cannot work. `today` is for tests. */
export function openModels(settings: ModelSettings, log: Log, today?: () => string): Models {
  const hop = randomUUID()
  const given = withDemo(settings)
  const chats = chatProviders(given)
  const names = chats.map(([name]) => name)
  const health = new Health(names)
  const providers = new Map(
    chats.map(([name, provider]) => [name, openProvider(provider, { name, log, hop }, health)]),
  )
  const opened: Opened = {
    settings: given,
    providers,
    map: modelMap(given.models, names),
    retired: retiredModels(given, today),
    accepted: new Map(),
    ...writtenFacts(given),
  }
  const route = {
    health,
    log,
    livingName: ({ isWritten, model }: Candidate) =>
      isWritten ? undefined : opened.retired.replacementOf(vendorOfName(model), model),
    remember: ({ provider, model }: Candidate, living: string) =>
      opened.accepted.set(`${provider}/${model}`, living),
  }
  return {
    resolve(name) {
      const candidates = candidatesOf(name, opened)
      const [first] = candidates
      if (first === undefined) return undefined
      const { provider, model, context_window, facts } = first
      const origins = candidates.map(({ origin }) => origin)
      return { chat: routedModel(candidates, route), provider, model, origins, context_window, facts }
    },
    list: () => listModels(opened.map, providers, log),
    find: (name) => findModel(name, opened.map, providers),
    health: () => health.list(),
    settings: given,
    hop,
    raw(name) {
      const candidates = candidatesOf(name, opened)
      if (candidates.length === 0) return undefined
      return passThrough(candidates, { ...route, serverOf: (provider) => providers.get(provider)?.server })
    },
    server: (provider) => providers.get(provider)?.server,
    description: describe(given, providers),
    isDemo: chats.every(([, { type }]) => type === 'demo'),
    async close() {
      await Promise.all([...providers.values()].map((provider) => provider.close()))
    },
  }
}

/** With no provider every name leads to the demo model. */
function withDemo(settings: ModelSettings): ModelSettings {
  const { providers, models } = settings
  if (chatProviders(settings).length > 0) return settings
  return {
    ...settings,
    providers: { ...providers, demo: { type: 'demo' } },
    models: { '*': 'demo', ...models },
  }
}

function chatProviders({ providers }: ModelSettings): [string, ChatProviderSettings][] {
  return Object.entries(providers).filter(isChat)
}

function isChat(entry: [string, ProviderSettings]): entry is [string, ChatProviderSettings] {
  return entry[1].type !== 'rerank'
}

function writtenFacts({
  model_facts = {},
  context_windows = {},
}: ModelSettings): Pick<Opened, 'factsOf' | 'windowOf'> {
  const facts = patternTable(Object.entries(model_facts))
  const windows = patternTable(Object.entries(context_windows))
  return { factsOf: (name) => facts(name)?.value ?? {}, windowOf: (name) => windows(name)?.value }
}

/** A retired name without a route uses the route of its replacement. */
function candidatesOf(name: string, opened: Opened): Candidate[] {
  const { map, retired } = opened
  const targets = map.find(name)
  if (targets.length > 0) return targets.map((target) => candidate(name, target, opened))
  const living = retired.replacementOf(vendorOfName(name), name)
  return living === undefined
    ? []
    : map.find(living).map((target) => ({ ...candidate(name, target, opened), retired: name }))
}

function candidate(name: string, target: ModelTarget, opened: Opened): Candidate {
  const provider = opened.providers.get(target.provider)
  if (provider === undefined) throw new Error(`expected the provider ${target.provider} to be open`)
  const living = target.isWritten ? undefined : livingName(target, provider, opened)
  const model = living ?? target.model
  const facts = { ...provider.facts(model), ...opened.factsOf(model), ...opened.factsOf(name) }
  const written = opened.windowOf(name) ?? opened.windowOf(model)
  return {
    provider: target.provider,
    model,
    retired: living === undefined ? undefined : target.model,
    isWritten: target.isWritten,
    origin: `${target.provider} ${provider.place}`,
    chat: provider.chat,
    facts,
    context_window: written ?? facts.context_window ?? unknownWindow,
  }
}

function livingName(
  { provider, model }: ModelTarget,
  { vendor }: Provider,
  { retired, accepted }: Opened,
): string | undefined {
  return retired.replacementOf(vendor, model) ?? accepted.get(`${provider}/${model}`)
}

function describe({ models }: ModelSettings, providers: ReadonlyMap<string, Provider>): string {
  const names = Object.keys(models)
  const shown = [...providers].map(([name, provider]) => `${name} (${provider.place})`)
  return `${shown.join(', ')}; names: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`
}
