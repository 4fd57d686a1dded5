/** Opens the models and the embedder that the configuration describes. */
import type { Config } from '../config/config.ts'
import type { Queryable } from '../database/database.ts'
import { withLocalServers } from '../models/discover.ts'
import { openModels, type Models } from '../models/open.ts'
import { openReranker } from '../models/reranker.ts'
import type { ModelSettings } from '../models/settings.ts'
import { modelsInUse } from '../sql/server-facts.ts'
import type { Log } from '../util/log.ts'
import { chooseEmbedder, fetchWeights, type EmbedderChoice } from './default-embedder.ts'
import type { OpenedModels } from './reload.ts'

/** The configured settings. Without a provider, the model servers that answer on this machine are added. */
export async function modelSettings(
  { discovery, models, port }: Pick<Config, 'discovery' | 'models' | 'port'>,
  log: Log,
): Promise<ModelSettings> {
  return discovery ? withLocalServers(models, { port, log }) : models
}

/** `reindexes`: stores of another embedder are about to be embedded again; otherwise they may decide which is used. */
export async function openConfiguredModels(
  config: Config,
  { log, reindexes }: { log: Log; reindexes?: boolean },
  db: Queryable,
): Promise<OpenedModels> {
  const settings = await modelSettings(config, log)
  const models = openModels(settings, log)
  const choice = embedderChoice(config, { settings, models, reindexes })
  try {
    if (config.downloads) await fetchWeights(choice, db, { source: config.modelSource, log })
    const embedder = await chooseEmbedder(choice, db, log)
    log('info', 'vector stores have an embedder', { embedder: embedder.id })
    return { models, embedder, reranker: openReranker(settings, log) }
  } catch (error) {
    await models.close()
    throw error
  }
}

/** `settings` are those of `modelSettings`. */
export function embedderChoice(
  config: Config,
  {
    settings,
    models,
    reindexes = false,
  }: { settings: ModelSettings; models: Models; reindexes?: boolean | undefined },
): EmbedderChoice {
  return {
    settings,
    serverOf: (name) => models.server(name),
    dataDir: config.dataDir,
    isWritten: config.models.default_embedder !== undefined || reindexes,
  }
}

/** The names that assistants ask for and that lead to no provider: the runs of these assistants fail. */
export async function namesWithoutRoute(db: Queryable, models: Models): Promise<string[]> {
  const used = await modelsInUse(db, null)
  return used
    .filter(({ model }) => models.resolve(model) === undefined)
    .map(
      ({ model, assistants }) => `${model} (${assistants} ${assistants === 1 ? 'assistant' : 'assistants'})`,
    )
}

export async function warnOfNamesWithoutRoute(db: Queryable, models: Models, log: Log): Promise<void> {
  const names = await namesWithoutRoute(db, models)
  if (names.length === 0) return
  log('warn', "assistants use names that lead to no model: add them or a wildcard to 'models'", { names })
}
