/** Which models the providers offer, and whether they answer. */
import type { Log } from '../util/log.ts'
import type { ModelMap } from './model-map.ts'
import type { ListedModel, OpenAiCompatible } from './openai/openai-model.ts'
import { ModelFailure } from './port.ts'

export type Servers = ReadonlyMap<string, { server: OpenAiCompatible | undefined }>

/** Whether a provider answers; `reason` is short and holds no address. */
export interface ProviderHealth {
  provider: string
  status: 'up' | 'down'
  reason?: string
}

/** How long GET /v1/models waits for one provider, and a check of its health. */
const listMs = 5_000
const healthMs = 1_500
/** A check is not repeated sooner. */
const recheckMs = 10_000

/** The names that the map spells out, and whatever the providers list that a wildcard leads to. */
export async function listModels(map: ModelMap, providers: Servers, log: Log): Promise<ListedModel[]> {
  const named = map.names.map((id) => listedAs(id, map.find(id)?.provider ?? 'system'))
  const open = map.openProviders.map(async (name) => {
    const server = providers.get(name)?.server
    if (server === undefined) return [listedAs(name, name)]
    try {
      const models = await server.listModels(AbortSignal.timeout(listMs))
      return models.filter(({ id }) => map.find(id)?.provider === name)
    } catch (error) {
      log('warn', 'a model provider did not list its models', { provider: name, error: causeOf(error) })
      return []
    }
  })
  const all = [named, ...(await Promise.all(open))].flat()
  return [...new Map(all.toReversed().map((model) => [model.id, model])).values()].toReversed()
}

/**
 * One model by its name. Behind a wildcard the provider decides whether it exists, unless it lists no models at all.
 * Throws `ModelFailure` when the provider does not answer.
 */
export async function findModel(
  name: string,
  map: ModelMap,
  providers: Servers,
): Promise<ListedModel | undefined> {
  const target = map.find(name)
  if (target === undefined) return undefined
  const server = providers.get(target.provider)?.server
  if (server === undefined || map.names.includes(name)) return listedAs(name, target.provider)
  const { model } = target
  try {
    const models = await server.listModels(AbortSignal.timeout(listMs))
    // Ollama takes a name without its tag, Gemini a name without its folder.
    const found = models.find(({ id }) => [model, `${model}:latest`, `models/${model}`].includes(id))
    return found && { ...found, id: name }
  } catch (error) {
    if (isAnswer(error)) return listedAs(name, target.provider)
    throw error instanceof ModelFailure
      ? error
      : new ModelFailure('server_error', 'No answer.', { cause: error })
  }
}

/** Asks each server for its list, at most every ten seconds. */
export function healthCheck(providers: Servers): () => Promise<ProviderHealth[]> {
  const checks = new Map<string, { at: number; health: Promise<ProviderHealth> }>()
  return async () => {
    const servers = [...providers].flatMap(([name, { server }]) => (server ? [{ name, server }] : []))
    return Promise.all(
      servers.map(({ name, server }) => {
        const known = checks.get(name)
        if (known !== undefined && performance.now() - known.at < recheckMs) return known.health
        const health = checkHealth(name, server)
        checks.set(name, { at: performance.now(), health })
        return health
      }),
    )
  }
}

async function checkHealth(provider: string, server: OpenAiCompatible): Promise<ProviderHealth> {
  try {
    await server.listModels(AbortSignal.timeout(healthMs))
    return { provider, status: 'up' }
  } catch (error) {
    return isAnswer(error)
      ? { provider, status: 'up' }
      : { provider, status: 'down', reason: reasonOf(error) }
  }
}

/** The server answered, though not with a list: it has none. */
function isAnswer(error: unknown): boolean {
  return error instanceof ModelFailure && error.code === 'invalid_prompt'
}

function reasonOf(error: unknown): string {
  if (!(error instanceof ModelFailure)) return `no answer in ${healthMs / 1000} s`
  const cause = error.cause as { code?: unknown; message?: string } | undefined
  if (typeof cause?.code === 'string') return cause.code
  return /^HTTP \d+/.exec(cause?.message ?? '')?.[0] ?? 'no usable answer'
}

/** A `ModelFailure` says little to the operator; its cause says what happened. */
function causeOf(error: unknown): string {
  const cause = error instanceof ModelFailure ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}

function listedAs(id: string, provider: string): ListedModel {
  return { id, object: 'model', created: 0, owned_by: provider }
}
