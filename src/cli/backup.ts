/** `backup` and `restore`: writes everything into one archive, and reads it back. */
import { constants, createReadStream, createWriteStream, existsSync } from 'node:fs'
import { access, rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Progress } from '../backup/archive.ts'
import { restoreBackup } from '../backup/restore-backup.ts'
import { writeBackup } from '../backup/write-backup.ts'
import { openBlobStore } from '../blobs/open.ts'
import type { Config } from '../config/config.ts'
import { newestMigration } from '../database/migrate.ts'
import { openDatabase, type OpenedDatabase } from '../database/open.ts'
import { prepareDataFolder } from '../util/folder.ts'
import type { Log } from '../util/log.ts'
import { databaseSettings, migrations, withStorage } from './attached.ts'
import { progressPrinter } from './progress.ts'
import { requireDatabase } from './start-errors.ts'
import { version } from '../util/version.ts'

interface Options {
  log: Log
  /** Prints a line for the user. */
  print: (line: string) => void
}

/** Writes to FILE, or to stdout for `-`. The file gets its name only when it is complete. */
export async function backup(config: Config, file: string, { log, print }: Options): Promise<void> {
  requireDatabase(config)
  if (file === '-') return printDone(print, await writeTo(process.stdout, config, { log, print }))
  const place = resolve(file)
  const part = `${place}.part`
  refuseExisting(place, 'A backup never replaces a file: choose another name.')
  refuseExisting(part, 'Another backup is being written there, or one was killed: then remove it.')
  try {
    const progress = await writeTo(createWriteStream(part, { flags: 'wx' }), config, { log, print })
    refuseExisting(place, 'It appeared while the backup was written.')
    await rename(part, place)
    printDone(print, progress)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

function refuseUnreadable(file: string): never {
  throw new Error(`There is no file ${resolve(file)} that this user may read.`)
}

function refuseExisting(path: string, advice: string): void {
  if (existsSync(path)) throw new Error(`${path} exists. ${advice}`)
}

function printDone(print: Options['print'], progress: Progress): void {
  print(`Done: ${describe(progress)}.`)
}

async function writeTo(
  output: NodeJS.WritableStream,
  config: Config,
  { log, print }: Options,
): Promise<Progress> {
  return withStorage(config, log, ({ database, blobs }) =>
    writeBackup(output as NodeJS.WriteStream, {
      db: database.db,
      blobs,
      version,
      createdAt: new Date().toISOString(),
      onProgress: progressOn(print),
    }),
  )
}

/** Reads FILE, or stdin for `-`, into an empty database. */
export async function restore(config: Config, file: string, { log, print }: Options): Promise<void> {
  const settings = { ...databaseSettings(config, log), migrations }
  if (file !== '-') await access(resolve(file), constants.R_OK).catch(() => refuseUnreadable(file))
  await prepareDataFolder(config.dataDir)
  const blobs = await openBlobStore(config.blobs, { minFreeBytes: config.minFreeDiskBytes })
  let database: OpenedDatabase | undefined
  try {
    const progress = await restoreBackup(file === '-' ? process.stdin : createReadStream(resolve(file)), {
      blobs,
      newestMigration: newestMigration(migrations),
      openDatabase: async (migration) => {
        database = await openDatabase({ ...settings, newestMigration: migration })
        return database.db
      },
      onProgress: progressOn(print),
    })
    print(`Restored: ${describe(progress)}.`)
  } finally {
    await database?.close()
    await blobs.close()
  }
  // An archive of an older version gets the tables of this one.
  await (await openDatabase(settings)).close()
}

const progressOn = (print: (line: string) => void) =>
  progressPrinter(print, (progress: Progress) => `${describe(progress)} so far`)

function describe({ rows, blobs, bytes }: Progress): string {
  return `${rows} rows and ${blobs} file contents (${(bytes / 1024 / 1024).toFixed(1)} MiB)`
}
