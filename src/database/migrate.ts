/** Applies the numbered migration files that the database does not have yet. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, Queryable } from './database.ts'

/** The applied migrations do not match the files. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused'
}

interface Migration {
  number: number
  name: string
  sql: string
  checksum: string
}

interface Applied {
  number: number
  name: string
  checksum: string
}

/** 'SpoolM' in ASCII; the lock's number among all advisory locks of the database. */
const lockKey = 0x53706f6f6c4d

/**
 * Applies the `NNNN-name.sql` files of `folder` that this database lacks, in order, each in its own transaction.
 * Processes that do this at the same time wait for each other. Throws `MigrationRefused` when a file that was applied has
 * changed, is missing, or comes before one that was applied. `newest` stops at an older schema, for a restore.
 */
export async function migrate(db: Database, folder: string, newest?: number): Promise<void> {
  const migrations = readMigrations(folder)
  await db.transaction(async (tx) => {
    await lockMigrations(tx)
    await tx.query({
      text: `create table if not exists schema_migrations (
               number int primary key, name text not null, checksum text not null,
               applied_at timestamptz not null default clock_timestamp())`,
    })
    checkApplied(await readApplied(tx), migrations)
  })
  for (const migration of migrations.slice(0, newest)) {
    await db.transaction(async (tx) => {
      await lockMigrations(tx)
      const applied = await readApplied(tx)
      if (applied.some(({ number }) => number === migration.number)) return
      await tx.query({ text: migration.sql })
      await tx.query({
        text: 'insert into schema_migrations (number, name, checksum) values ($1, $2, $3)',
        values: [migration.number, migration.name, migration.checksum],
      })
    })
  }
}

/**
 * For a command on a database that servers may use: an empty one gets its tables; one with an older schema is refused,
 * because an older server may be at work on it. Throws `MigrationRefused`.
 */
export async function migrateIfEmpty(db: Database, folder: string): Promise<void> {
  const applied = (await hasTable(db, 'schema_migrations')) ? await readApplied(db) : []
  const missing = readMigrations(folder)[applied.length]
  if (applied.length > 0 && missing !== undefined) {
    throw new MigrationRefused(
      `The database lacks migration ${missing.name}: an older version of Spool made its tables and may be running on it. Start the server of this version, which upgrades them, and then repeat the command.`,
    )
  }
  await migrate(db, folder)
}

export async function hasTable(db: Queryable, table: string): Promise<boolean> {
  const [row] = await db.query<{ name: string | null }>({
    text: 'select to_regclass($1)::text as name',
    values: [table],
  })
  return typeof row?.name === 'string'
}

/** The number of the newest migration file. */
export function newestMigration(folder: string): number {
  return readMigrations(folder).length
}

/** A lock that ends with the transaction: it needs no session, so it works through a connection pooler. */
async function lockMigrations(tx: Queryable): Promise<void> {
  await tx.query({ text: 'select pg_advisory_xact_lock($1)', values: [lockKey] })
}

function readApplied(tx: Queryable): Promise<Applied[]> {
  return tx.query<Applied>({ text: 'select number, name, checksum from schema_migrations order by number' })
}

function readMigrations(folder: string): Migration[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'))
  const migrations = files.toSorted().map((file) => readMigration(folder, file))
  for (const [index, { number, name }] of migrations.entries()) {
    if (number !== index + 1) {
      throw new MigrationRefused(
        `Migration ${name} should have number ${index + 1}: numbers count up from 1, each once.`,
      )
    }
  }
  return migrations
}

function readMigration(folder: string, file: string): Migration {
  const number = /^(\d{4})-[a-z0-9-]+\.sql$/.exec(file)?.[1]
  if (number === undefined) throw new MigrationRefused(`Migration ${file} is not named NNNN-name.sql.`)
  // Line ends may differ between checkouts of the same file.
  const sql = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n')
  return { number: Number(number), name: file, sql, checksum: createHash('sha256').update(sql).digest('hex') }
}

function checkApplied(applied: Applied[], migrations: Migration[]): void {
  const newest = applied.at(-1)?.number ?? 0
  for (const { number, name, checksum } of applied) {
    const migration = migrations.find((candidate) => candidate.number === number)
    if (migration === undefined) {
      throw new MigrationRefused(
        `The database has migration ${name}, which this version does not know: it was made by a newer one. Use that version.`,
      )
    }
    if (migration.checksum !== checksum) {
      throw new MigrationRefused(
        `Migration ${migration.name} has changed since it was applied as ${name}. Put it back and add a new file instead.`,
      )
    }
  }
  const late = migrations.find(
    ({ number }) => number < newest && !applied.some((row) => row.number === number),
  )
  if (late !== undefined)
    throw new MigrationRefused(`Migration ${late.name} comes before one that was applied already.`)
}
