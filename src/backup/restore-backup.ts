/** Reads a backup into an empty database and a blob store: all of it, or nothing. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract, type Headers } from 'tar-stream'
import type { BlobStore } from '../blobs/port.ts'
import type { Database, Queryable } from '../database/database.ts'
import {
  BackupRefused,
  blobOf,
  excludedTables,
  format,
  headerName,
  manifestName,
  tableOf,
  type Header,
  type Manifest,
  type Progress,
} from './archive.ts'
import { messageOf } from '../util/describe-error.ts'

interface RestoreOptions {
  blobs: BlobStore
  /** The newest migration that this version knows. */
  newestMigration: number
  /** Opens the database with the schema of this migration; called once, after the header was read. */
  openDatabase(migration: number): Promise<Database>
  onProgress?: (progress: Progress) => void
}

interface Entry {
  header: Headers
  body: AsyncIterable<Buffer>
}

/**
 * Restores the archive that `input` carries. Throws `BackupRefused` when it is not a backup, is damaged or incomplete,
 * was written by a newer schema, or when the database already has objects. Then the database stays empty; contents
 * that were stored already stay in the blob store, where nothing refers to them.
 */
export async function restoreBackup(input: Readable, options: RestoreOptions): Promise<Progress> {
  const entries = readArchive(input)
  try {
    const header = await readHeader(entries, options.newestMigration)
    const db = await options.openDatabase(header.migration)
    return await db.transaction(async (tx) => {
      await checkEmpty(tx)
      const progress = await restoreEntries(entries, tx, options)
      await restoreSequences(tx)
      return progress
    })
  } finally {
    await entries.return(undefined)
    input.destroy()
  }
}

async function* readArchive(input: Readable): AsyncGenerator<Entry, void> {
  const tar = extract()
  const unzipped = createGunzip()
  input.on('error', (error) => unzipped.destroy(error))
  unzipped.on('error', (error) => tar.destroy(error))
  input.pipe(unzipped).pipe(tar as unknown as NodeJS.WritableStream)
  try {
    for await (const entry of tar) yield { header: entry.header, body: entry as AsyncIterable<Buffer> }
  } catch (error) {
    if (error instanceof BackupRefused) throw error
    throw new BackupRefused(
      `The file is not a backup of Spool, or it is damaged or incomplete: ${messageOf(error)}.`,
    )
  }
}

async function readHeader(entries: AsyncGenerator<Entry, void>, newest: number): Promise<Header> {
  const first = await entries.next()
  if (first.done || first.value.header.name !== headerName) {
    throw new BackupRefused('The file is not a backup of Spool.')
  }
  const header = JSON.parse(await textOf(first.value.body)) as Header
  if (header.format !== format) {
    throw new BackupRefused(`The backup has the format ${header.format}; this version reads ${format}.`)
  }
  if (header.migration > newest) {
    throw new BackupRefused(
      `The backup was written by Spool ${header.version} with migration ${header.migration}; this version knows ${newest}. Use that version or a newer one.`,
    )
  }
  return header
}

async function checkEmpty(tx: Queryable): Promise<void> {
  for (const table of ['assistants', 'threads', 'files', 'vector_stores', 'uploads']) {
    const rows = await tx.query({ text: `select 1 from ${table} limit 1` })
    if (rows.length > 0) {
      throw new BackupRefused(`The database is not empty: it has ${table}. Restore into an empty one.`)
    }
  }
}

async function restoreEntries(
  entries: AsyncGenerator<Entry, void>,
  tx: Queryable,
  { blobs, onProgress }: RestoreOptions,
): Promise<Progress> {
  const progress: Progress = { rows: 0, blobs: 0, bytes: 0 }
  const checksums: Record<string, string> = {}
  for await (const { header, body } of entries) {
    const { name } = header
    const table = tableOf(name)
    const blob = blobOf(name)
    if (table !== undefined && !excludedTables.includes(table)) {
      const text = await textOf(body)
      checksums[name] = createHash('sha256').update(text).digest('hex')
      progress.rows += await insertRows(tx, table, text)
    } else if (blob !== undefined) {
      progress.bytes += await storeBlob(tx, blobs, { sha256: blob, body })
      progress.blobs += 1
    } else if (name === manifestName) {
      checkManifest(JSON.parse(await textOf(body)) as Manifest, { progress, checksums })
      return progress
    } else {
      throw new BackupRefused(`The backup has an unknown entry: ${name}.`)
    }
    onProgress?.(progress)
  }
  throw new BackupRefused('The archive is incomplete: its manifest is missing.')
}

async function insertRows(tx: Queryable, table: string, text: string): Promise<number> {
  const lines = text.split('\n').filter((line) => line !== '')
  await tx.query({
    text: `insert into "${table}" overriding system value
           select * from json_populate_recordset(null::"${table}", $1)`,
    values: [`[${lines.join(',')}]`],
  })
  return lines.length
}

async function storeBlob(
  tx: Queryable,
  blobs: BlobStore,
  { sha256, body }: { sha256: string; body: AsyncIterable<Buffer> },
): Promise<number> {
  const stored = await blobs.put(Readable.from(body))
  if (stored.sha256 !== sha256) throw new BackupRefused(`The content ${sha256} is damaged.`)
  await tx.query({
    text: 'insert into blobs (sha256, bytes) values ($1, $2) on conflict do nothing',
    values: [sha256, stored.bytes],
  })
  return stored.bytes
}

function checkManifest(
  manifest: Manifest,
  { progress, checksums }: { progress: Progress; checksums: Record<string, string> },
): void {
  const names = Object.keys(manifest.checksums)
  const damaged = names.find((name) => checksums[name] !== manifest.checksums[name])
  if (damaged !== undefined) throw new BackupRefused(`The entry ${damaged} is missing or damaged.`)
  if (manifest.rows !== progress.rows || manifest.blobs !== progress.blobs) {
    throw new BackupRefused(
      `The backup should have ${manifest.rows} rows and ${manifest.blobs} contents, and has ${progress.rows} and ${progress.blobs}.`,
    )
  }
}

/** New rows must come after the restored ones. */
async function restoreSequences(tx: Queryable): Promise<void> {
  const owned = await tx.query<{ name: string; column: string; sequence: string }>({
    text: `select table_name as name, column_name as "column",
                  pg_get_serial_sequence(quote_ident(table_name), column_name) as sequence
           from information_schema.columns
           where table_schema = current_schema() and is_identity = 'YES' and table_name <> all($1)`,
    values: [excludedTables],
  })
  for (const { name, column, sequence } of owned) {
    await tx.query({
      text: `select setval($1, greatest((select max("${column}") from "${name}"), 1))`,
      values: [sequence],
    })
  }
  await tx.query({
    text: `select setval('thread_items', greatest((select max(seq) from messages), (select max(seq) from run_steps), 1))`,
  })
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
