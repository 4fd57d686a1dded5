/** The compiled server, and one PostgreSQL for the whole run with a migrated template that each test clones. */
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbedded, type EmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.ts'
import { migrate } from '../../src/database/migrate.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { buildServer } from './built.ts'
import { makeDataDir, removeAbandoned } from './data-dir.ts'
import { onServer, urlInDatabase, urlOf } from './server-url.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /**
     * A folder where `ready` appears with the server's URL, or `failed` with the reason: the server starts while
     * tests that need none run already.
     */
    databaseSigns: string
    /** The database to clone; clones have its name and more. */
    databaseTemplate: string
  }
}

const migrations = resolve(import.meta.dirname, '../../src/database/migrations')
const log = () => undefined

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  buildServer()
  await removeAbandoned()
  const folder = makeDataDir()
  const template = `spool_test_${process.pid}${project.name}`
  project.provide('databaseSigns', folder.path)
  project.provide('databaseTemplate', template)
  const starting = start(folder.path, template).catch((error: unknown) => {
    sign(folder.path, 'failed', String(error))
    return async () => undefined
  })
  return async () => {
    const stop = await starting
    await stop()
    await folder.remove()
  }
}

async function start(folder: string, template: string): Promise<() => Promise<void>> {
  const given = process.env.TEST_DATABASE_URL
  const server = given === undefined ? await startEmbedded({ dataDir: folder, log }) : undefined
  const url = given ?? urlOf(superuserOf(server))
  await dropAll(url, template)
  await onServer(url, `create database ${template} template template0`)
  if (existsSync(migrations)) {
    const db = connectPostgres({ connectionString: urlInDatabase(url, template), max: 1, log })
    await migrate(db, migrations)
    await db.close()
  }
  sign(folder, 'ready', url)
  return async () => {
    if (server === undefined) await dropAll(url, template)
    await server?.stop()
  }
}

/** The superuser of the embedded server creates and drops databases. */
function superuserOf(server: EmbeddedPostgres | undefined): object {
  return { ...server?.connection, user: 'spool' }
}

/** By a rename, because the file may be read while it is written. */
function sign(folder: string, name: 'ready' | 'failed', text: string): void {
  writeFileSync(join(folder, `${name}.new`), text)
  renameSync(join(folder, `${name}.new`), join(folder, name))
}

/** Drops all databases of the tests, also those of failed ones: the server may not be ours. */
async function dropAll(url: string, template: string): Promise<void> {
  const names = await onServer<{ name: string }>(
    url,
    `select datname as name from pg_database where datname = '${template}' or datname like '${template}\\_%'`,
  )
  for (const { name } of names) await onServer(url, `drop database if exists ${name} with (force)`)
}
