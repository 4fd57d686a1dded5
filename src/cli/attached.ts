/** Database, blob store and embedder for a command that works beside the server, running or not. */
import { fileURLToPath } from 'node:url'
import type { BlobStore } from '../blobs/port.ts'
import { openBlobStore } from '../blobs/open.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { migrate, migrateIfEmpty } from '../database/migrate.ts'
import { attachDatabase, type AttachedDatabase } from '../database/open.ts'
import { openEmbedder } from '../embedders/open.ts'
import { openModels } from '../models/open.ts'
import type { Log } from '../util/log.ts'

export interface Attached {
  db: Database
  blobs: BlobStore
  /** The id of the configured embedder. */
  embedder: string
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

/** Calls `work` with database and blob store as they are. */
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

/** A database without tables gets them. One that servers may use is not upgraded: an older server may run on it. */
export async function withAttached<Result>(
  config: Config,
  log: Log,
  work: (attached: Attached) => Promise<Result>,
): Promise<Result> {
  return withStorage(config, log, async ({ database: { db, isShared }, blobs }) => {
    await (isShared ? migrateIfEmpty : migrate)(db, migrations)
    return work({ db, blobs, embedder: await embedderId(config, log) })
  })
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
