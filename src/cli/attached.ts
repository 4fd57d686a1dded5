/** Database, blob store and embedder for a command that works beside the server, running or not. */
import type { BlobStore } from '../blobs/port.ts'
import { openBlobStore } from '../blobs/open.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { migrate, migrateIfEmpty } from '../database/migrate.ts'
import { attachDatabase } from '../database/open.ts'
import { openEmbedder } from '../embedders/open.ts'
import { openModels } from '../models/open.ts'
import type { Log } from '../util/log.ts'
import { migrations } from './backup.ts'

export interface Attached {
  db: Database
  blobs: BlobStore
  /** The id of the configured embedder. */
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
      return await work({ db: database.db, blobs, embedder: await embedderId(config, log) })
    } finally {
      await blobs.close()
    }
  } finally {
    await database.close()
  }
}

async function embedderId(config: Config, log: Log): Promise<string> {
  const models = openModels(config.models, log)
  const embedder = openEmbedder({
    settings: config.models,
    serverOf: (provider) => models.server(provider),
    dataDir: config.dataDir,
  })
  await embedder.close()
  await models.close()
  return embedder.id
}
