/** Writes a consistent copy of the database and the blobs that it names, while the server runs. */
import { createHash } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack, type Pack } from 'tar-stream'
import type { BlobStore } from '../blobs/port.ts'
import type { Database, Queryable } from '../database/database.ts'
import { withSnapshot } from '../sql/blobs.ts'
import {
  BackupRefused,
  excludedTables,
  format,
  headerName,
  manifestName,
  rowsName,
  type Header,
  type Manifest,
  type Progress,
} from './archive.ts'

/** Rows of one entry. */
const pageSize = 1000

interface BackupOptions {
  db: Database
  blobs: BlobStore
  /** Of Spool. */
  version: string
  /** ISO 8601, for the header. */
  createdAt: string
  onProgress?: (progress: Progress) => void
}

interface Writing extends BackupOptions {
  tar: Pack
  manifest: Manifest
  progress: Progress
}

/**
 * Writes the archive to `output` and ends it. All rows are of one snapshot. Blobs that these rows name are not
 * collected before the end. Throws `BackupRefused` when a content is missing from the blob store.
 */
export async function writeBackup(output: Writable, options: BackupOptions): Promise<Progress> {
  const tar = pack()
  const progress: Progress = { rows: 0, blobs: 0, bytes: 0 }
  const manifest: Manifest = { rows: 0, blobs: 0, checksums: {} }
  const writing: Writing = { ...options, tar, manifest, progress }
  const written = pipeline(tar as unknown as Readable, createGzip({ level: 1 }), output)
  const snapshot = withSnapshot(options.db, (session) => writeContents(writing, session))
  const contents = snapshot.catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  })
  // The first failure is the reason; the other side then fails as a consequence.
  await Promise.all([contents, written])
  return progress
}

async function writeContents(writing: Writing, session: Queryable): Promise<void> {
  const tables = await tablesOf(session)
  if (tables.length === 0) throw new BackupRefused('The database has no tables: no server has used it.')
  const header: Header = {
    format,
    version: writing.version,
    migration: await newestMigration(session),
    created_at: writing.createdAt,
  }
  await writeEntry(writing.tar, headerName, JSON.stringify(header, null, 2))
  for (const table of tables) await writeTable(writing, session, table)
  await writeBlobs(writing, session)
  const { rows, blobs } = writing.progress
  Object.assign(writing.manifest, { rows, blobs })
  await writeEntry(writing.tar, manifestName, JSON.stringify(writing.manifest, null, 2))
  writing.tar.finalize()
}

async function newestMigration(session: Queryable): Promise<number> {
  const [row] = await session.query<{ number: number }>({
    text: 'select max(number) as number from schema_migrations',
  })
  return row?.number ?? 0
}

async function tablesOf(session: Queryable): Promise<string[]> {
  const rows = await session.query<{ name: string }>({
    text: `select table_name as name from information_schema.tables
           where table_schema = current_schema() and table_type = 'BASE TABLE' and table_name <> all($1)
           order by table_name`,
    values: [excludedTables],
  })
  return rows.map(({ name }) => name)
}

async function writeTable(writing: Writing, session: Queryable, table: string): Promise<void> {
  await session.query({
    text: `declare backup_rows no scroll cursor for select row_to_json(t)::text as line from "${table}" t`,
  })
  for (let number = 1; ; number += 1) {
    const rows = await session.query<{ line: string }>({ text: `fetch ${pageSize} from backup_rows` })
    if (rows.length === 0) break
    const text = `${rows.map(({ line }) => line).join('\n')}\n`
    const name = rowsName(table, number)
    writing.manifest.checksums[name] = createHash('sha256').update(text).digest('hex')
    await writeEntry(writing.tar, name, text)
    writing.progress.rows += rows.length
    writing.onProgress?.(writing.progress)
  }
  await session.query({ text: 'close backup_rows' })
}

async function writeBlobs(writing: Writing, session: Queryable): Promise<void> {
  await session.query({
    text: `declare backup_blobs no scroll cursor for
           select sha256, bytes from blobs where sha256 in (
             select sha256 from files union select text_sha256 from files union select sha256 from upload_parts)`,
  })
  for (;;) {
    const rows = await session.query<{ sha256: string; bytes: number }>({
      text: `fetch ${pageSize} from backup_blobs`,
    })
    if (rows.length === 0) return
    for (const row of rows) {
      await writeBlob(writing, row)
      writing.progress.blobs += 1
      writing.progress.bytes += row.bytes
      writing.onProgress?.(writing.progress)
    }
  }
}

async function writeBlob(
  { blobs, tar }: Writing,
  { sha256, bytes }: { sha256: string; bytes: number },
): Promise<void> {
  const content = await blobs.get(sha256)
  if (!content) throw new BackupRefused(`The blob store lacks the content ${sha256}, which a file names.`)
  const entry = tar.entry({ name: `blobs/${sha256}`, size: bytes })
  await pipeline(content, entry as unknown as Writable)
}

function writeEntry(tar: Pack, name: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry({ name }, text, (error) => (error ? reject(error) : resolve()))
  })
}
