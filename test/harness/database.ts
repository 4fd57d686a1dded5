/** A migrated database for one test, cloned from the run's template. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { inject } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import type { Log } from '../../src/util/log.ts'
import { onServer, urlInDatabase } from './server-url.ts'

export interface TestDatabase {
  db: Database
  /** For another process, or another pool, on the same database. */
  url: string
  /** Closes `db`, disconnects everybody else and removes the database. */
  drop(): Promise<void>
}

export interface TestDatabaseOptions {
  /** Connections of the pool; 10 when not given. */
  poolSize?: number
  log?: Log
  /** 'template' has every table, 'empty' has none. */
  from?: 'template' | 'empty'
}

export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { poolSize = 10, log = () => undefined, from = 'template' } = options
  const server = await serverUrl()
  const template = inject('databaseTemplate')
  const name = `${template}_${randomBytes(6).toString('hex')}`
  await onServer(server, `create database ${name} template ${from === 'template' ? template : 'template0'}`)
  const url = urlInDatabase(server, name)
  const db = connectPostgres({ connectionString: url, max: poolSize, log })
  return {
    db,
    url,
    drop: async () => {
      await db.close()
      await onServer(server, `drop database if exists ${name} with (force)`)
    },
  }
}

/** Waits for the server that the run's setup starts. */
async function serverUrl(): Promise<string> {
  const signs = inject('databaseSigns')
  for (;;) {
    if (existsSync(join(signs, 'ready'))) return readFileSync(join(signs, 'ready'), 'utf8')
    if (existsSync(join(signs, 'failed'))) {
      throw new Error(`no database for the tests: ${readFileSync(join(signs, 'failed'), 'utf8')}`)
    }
    await wait(20)
  }
}
