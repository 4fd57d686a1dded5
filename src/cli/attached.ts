/** Database, blob store and embedder for a command that works beside the server, running or not. */
import { chooseEmbedder } from '../app/default-embedder.ts'
import { embedderChoice, modelSettings } from '../app/open-models.ts'
import type { BlobStore } from '../blobs/port.ts'
import { openBlobStore } from '../blobs/open.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { migrate, migrateIfEmpty } from '../database/migrate.ts'
import { attachDatabase } from '../database/open.ts'
import { openModels } from '../models/open.ts'
import type { Log } from '../util/log.ts'
import { migrations } from './backup.ts'

export interface Attached {
  db: Database
  blobs: BlobStore
  /** The id of the server's embedder. */
  embedder: string
}

/** A database without tables gets them. One that servers may use is not upgraded: an older server may run on it. */
export async function withAttached<Result>(
  config: Config,
  log: Log,
  work: (attached: Attached) => Promise<Result>,
): Promise<Result> {
  const { databaseUrl, dataDir, databaseTimeoutMs: timeoutMs, minFreeDiskBytes } = config
  const settings = { ...(databaseUrl && { url: databaseUrl }), dataDir, poolSize: 4, timeoutMs, log }
  const database = await attachDatabase(settings)
  try {
    const prepare = database.isShared ? migrateIfEmpty : migrate
    await prepare(database.db, migrations)
    const blobs = await openBlobStore(config.blobs, { minFreeBytes: minFreeDiskBytes })
    try {
      return await work({ db: database.db, blobs, embedder: await embedderId(config, database.db, log) })
    } finally {
      await blobs.close()
    }
  } finally {
    await database.close()
  }
}

/** Of the embedder that a start would choose. */
async function embedderId(config: Config, db: Database, log: Log): Promise<string> {
  const settings = await modelSettings(config, log)
  const models = openModels(settings, log)
  try {
    const embedder = await chooseEmbedder(embedderChoice(config, { settings, models }), db, log)
    await embedder.close()
    return embedder.id
  } finally {
    await models.close()
  }
}
