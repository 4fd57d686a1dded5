/** Chooses the embedder of a server. A server has one, and a vector store can be searched only with its own. */
import type { Queryable } from './database/database.ts'
import { builtinName, openEmbedder, type ServerOf } from './embedders/open.ts'
import type { Embedder } from './embedders/port.ts'
import type { ModelSettings } from './models/settings.ts'
import { embeddersInUse } from './sql/vector-stores.ts'
import type { Log } from './util/log.ts'

export interface EmbedderChoice {
  settings: ModelSettings
  serverOf: ServerOf
  /** Whether the operator wrote `default_embedder`. A model server that was found on this machine also fills it. */
  isWritten: boolean
}

/**
 * As `openEmbedder`, except that stores from before a provider was configured keep working: when no `default_embedder`
 * is written and there are stores of the built-in embedder, and none of the provider's, it is the built-in one.
 */
export async function chooseEmbedder(
  { settings, serverOf, isWritten }: EmbedderChoice,
  db: Queryable,
  log: Log,
): Promise<Embedder> {
  const embedder = openEmbedder(settings, serverOf)
  if (isWritten) return embedder
  const builtin = openEmbedder({ ...settings, default_embedder: builtinName }, serverOf)
  const used = embedder.id === builtin.id ? [] : await embeddersInUse(db)
  if (!used.includes(builtin.id) || used.includes(embedder.id)) {
    await builtin.close()
    return embedder
  }
  await embedder.close()
  log(
    'warn',
    `the vector stores of this server were made with ${builtin.id}, so it stays their embedder although a provider ` +
      `serves ${embedder.id}: run npm run reindex to embed them again with that, or set default_embedder`,
  )
  return builtin
}
