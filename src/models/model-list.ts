/** Which models the providers offer. */
import type { Log } from '../util/log.ts'
import type { ModelMap } from './model-map.ts'
import type { ListedModel } from './openai/openai-model.ts'
import { ModelFailure } from './port.ts'
import type { Provider } from './providers.ts'
import { reasonOf } from './route.ts'

export type Servers = ReadonlyMap<string, Pick<Provider, 'server' | 'names'>>

/** How long GET /v1/models waits for one provider. */
const listMs = 5_000

/** The names in the map without wildcards, and the models that the providers of wildcards list. */
export async function listModels(map: ModelMap, providers: Servers, log: Log): Promise<ListedModel[]> {
  const named = map.names.map((id) => listedAs(id, map.find(id)[0]?.provider ?? 'system'))
  const open = map.openProviders.map(async (name) => {
    const { server, names = () => [] } = providers.get(name) ?? {}
    if (server === undefined) {
      return names()
        .filter((id) => map.find(id)[0]?.provider === name)
        .map((id) => listedAs(id, name))
    }
    try {
      const models = await server.listModels(AbortSignal.timeout(listMs))
      return models.filter(({ id }) => map.find(id)[0]?.provider === name)
    } catch (error) {
      log('warn', 'a model provider did not list its models', { provider: name, error: reasonOf(error) })
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
  const [target] = map.find(name)
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

/** Whether the server answered, but has no list of models. */
function isAnswer(error: unknown): boolean {
  return error instanceof ModelFailure && error.code === 'invalid_prompt'
}

function listedAs(id: string, provider: string): ListedModel {
  return { id, object: 'model', created: 0, owned_by: provider }
}
