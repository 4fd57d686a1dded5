/** Chooses the embedder of a server. A server has one, and a vector store can be searched only with its own. */
import type { Queryable } from '../database/database.ts'
import { builtInId, earlierIds } from '../embedders/built-in/built-in-embedder.ts'
import {
  findLocalModel,
  findRuntime,
  isPulled,
  localModels,
  runtimeMissing,
  type LocalModel,
} from '../embedders/local/catalog.ts'
import { pullModel } from '../embedders/local/pull.ts'
import { openEmbedder, usableEmbedders, type EmbedderParts } from '../embedders/open.ts'
import type { Embedder } from '../embedders/port.ts'
import { embeddersInUse } from '../sql/vector-stores.ts'
import type { Log } from '../util/log.ts'

export interface EmbedderChoice extends EmbedderParts {
  /** Whether the operator wrote `default_embedder`. A model server that was found on this machine also fills it. */
  isWritten: boolean
}

/**
 * As `openEmbedder`, except that stores keep working when a better embedder appears: when no `default_embedder` is
 * written and there are no stores of the best embedder, the next one that stores were made with is taken.
 */
export async function chooseEmbedder(choice: EmbedderChoice, db: Queryable, log: Log): Promise<Embedder> {
  if (choice.isWritten) return openEmbedder(choice)
  const found = choice.settings.default_embedder === undefined ? [] : usableEmbedders(choice)
  const others = { ...choice.settings, default_embedder: undefined }
  const [best, ...rest] = [...found, ...usableEmbedders({ ...choice, settings: others })]
  if (!best) throw new Error('expected an embedder')
  const used = await idsInUse(db)
  const kept = used.includes(best.id) ? undefined : rest.find(({ id }) => used.includes(id))
  const chosen = kept ?? best
  for (const one of [best, ...rest]) if (one !== chosen) await one.close()
  if (kept) {
    log(
      'warn',
      `the vector stores of this server were made with ${kept.id}, so it stays their embedder although ` +
        `${best.id} is there: run npm run reindex to embed them again with that, or set default_embedder`,
    )
  }
  return chosen
}

/**
 * For a server that may reach the network: fetches the weights of the local embedder that is configured, or of the first
 * one when nothing but the built-in embedder is there and no store was made with that. A failure is logged, and the
 * server goes on with what it has.
 */
export async function fetchWeights(
  choice: EmbedderChoice,
  db: Queryable,
  { source, log }: { source: string | undefined; log: Log },
): Promise<void> {
  const model = await missingModel(choice, db)
  if (!model) return
  if (findRuntime(choice.dataDir) === undefined) {
    log('warn', `the weights of ${model.name} are not fetched: ${runtimeMissing}`)
    return
  }
  log('info', 'the weights of a local embedder are fetched', { model: model.name, source })
  try {
    await pullModel(model, { dataDir: choice.dataDir, source })
  } catch (error) {
    log('warn', 'the weights of a local embedder could not be fetched', { model: model.name, error })
  }
}

async function missingModel(choice: EmbedderChoice, db: Queryable): Promise<LocalModel | undefined> {
  const { settings, dataDir } = choice
  const name = settings.default_embedder
  if (name !== undefined) {
    const named = findLocalModel(name)
    return named && !isPulled(dataDir, named) ? named : undefined
  }
  const [best] = usableEmbedders(choice)
  if (best.id !== builtInId || (await idsInUse(db)).includes(builtInId)) return undefined
  const [first] = localModels
  return first && !isPulled(dataDir, first) ? first : undefined
}

/** Stores of an earlier built-in embedder are moved to the present one. */
async function idsInUse(db: Queryable): Promise<string[]> {
  const ids = await embeddersInUse(db)
  return ids.map((id) => (earlierIds.includes(id) ? builtInId : id))
}
