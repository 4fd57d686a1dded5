/** Database, blob store and embedder for commands that may run beside the server. */
import { fileURLToPath } from 'node:url'
import { chooseEmbedder } from '../app/default-embedder.ts'
import { embedderChoice, modelSettings } from '../app/open-models.ts'
import type { BlobStore } from '../blobs/port.ts'
import { openBlobStore } from '../blobs/open.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { migrate, migrateIfEmpty } from '../database/migrate.ts'
import { attachDatabase, type AttachedDatabase } from '../database/open.ts'
import { openModels } from '../models/open.ts'
import type { Log } from '../util/log.ts'

export interface Attached {
  db: Database
  blobs: BlobStore
}

interface Storage {
  database: AttachedDatabase
  blobs: BlobStore
}

/** The folder of migration files. */
export const migrations = fileURLToPath(new URL('../database/migrations', import.meta.url))

export function databaseSettings({ databaseUrl, dataDir, databaseTimeoutMs }: Config, log: Log) {
  return { ...(databaseUrl && { url: databaseUrl }), dataDir, poolSize: 4, timeoutMs: databaseTimeoutMs, log }
}

/** Calls `work` with database and blob store, and creates or upgrades no tables. */
export async function withStorage<Result>(
  config: Config,
  log: Log,
  work: (storage: Storage) => Promise<Result>,
): Promise<Result> {
  const database = await attachDatabase(databaseSettings(config, log))
  try {
    const blobs = await openBlobStore(config.blobs, { minFreeBytes: config.minFreeDiskBytes })
    try {
      return await work({ database, blobs })
    } finally {
      await blobs.close()
    }
  } finally {
    await database.close()
  }
}

/** Creates the tables of an empty database. Does not upgrade a database in use, because an older server may use it. */
export async function withAttached<Result>(
  config: Config,
  log: Log,
  work: (attached: Attached) => Promise<Result>,
): Promise<Result> {
  return withStorage(config, log, async ({ database: { db, isShared }, blobs }) => {
    await (isShared ? migrateIfEmpty : migrate)(db, migrations)
    return work({ db, blobs })
  })
}

/** The id of the embedder that a start would choose. May call model servers on this machine. */
export async function embedderId(config: Config, db: Database, log: Log): Promise<string> {
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
