/** Rows of `files`. */
import type { FileObject } from '../api/files.ts'
import type { Queryable } from '../database/database.ts'
import { findRow, insertRow } from './rows.ts'
import { listRows, mapPage, type Page, type PageQuery } from './pages.ts'

export interface FileRow extends Pick<
  FileObject,
  'id' | 'created_at' | 'expires_at' | 'purpose' | 'filename' | 'bytes'
> {
  project: string
  /** The contents in the blob store; null for an imported file whose content was not imported. */
  sha256: string | null
  /** The media type of an image that models can read; null for other contents. */
  image_type: string | null
  /** The text of a file without content, in the blob store; null where it has none. */
  text_sha256: string | null
}

const written = 'id, project, created_at, expires_at, purpose, filename, bytes, sha256, image_type'
export const fileColumns = `${written}, text_sha256`

function statusDetails({ sha256, text_sha256 }: FileRow): string | null {
  if (sha256 !== null) return null
  return text_sha256 === null
    ? 'The content of this file was not part of the import.'
    : 'Only the text of this file was imported: vector stores search it.'
}

export function toFile(row: FileRow): FileObject {
  return {
    object: 'file',
    id: row.id,
    purpose: row.purpose,
    filename: row.filename,
    bytes: row.bytes,
    created_at: row.created_at,
    expires_at: row.expires_at,
    status: row.sha256 === null ? 'error' : 'processed',
    status_details: statusDetails(row),
  }
}

/** The row of the contents in `blobs` must be held by the same transaction. */
export async function insertFile(tx: Queryable, row: Omit<FileRow, 'text_sha256'>): Promise<void> {
  await insertRow(tx, 'files', written, row)
}

export async function findFile(db: Queryable, project: string, id: string): Promise<FileRow | undefined> {
  return findRow<FileRow>(db, {
    name: 'find_file',
    text: `select ${fileColumns} from files where id = $1 and project = $2`,
    values: [id, project],
  })
}

export async function listFiles(
  db: Queryable,
  where: { project: string; purpose?: string | undefined },
  page: PageQuery,
): Promise<Page<FileObject>> {
  const rows = await listRows<FileRow>(db, {
    table: 'files',
    columns: fileColumns,
    where,
    page,
    searched: { column: 'filename' },
  })
  return mapPage(rows, toFile)
}

/** Names of the files that exist, by id. */
export async function fileNames(
  db: Queryable,
  project: string,
  ids: readonly string[],
): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await db.query<{ id: string; filename: string }>({
    text: 'select id, filename from files where id = any($2) and project = $1',
    values: [project, ids],
  })
  const names = new Map(rows.map((row) => [row.id, row.filename]))
  return new Map(ids.flatMap((id) => (names.has(id) ? [[id, names.get(id) ?? '']] : [])))
}

/**
 * Locks files against deletion until the transaction ends; returns those that exist. A file that another transaction is
 * deleting is waited for, or with `deleting: 'gone'` is left out: a caller that holds the lock of a thread must not wait.
 */
export async function lockFilesShared(
  tx: Queryable,
  project: string,
  ids: readonly string[],
  { deleting }: { deleting: 'wait' | 'gone' },
): Promise<Map<string, FileRow>> {
  const rows = await tx.query<FileRow>({
    name: `share_files_${deleting}`,
    text: `select ${fileColumns} from files where id = any($2) and project = $1
           for key share ${deleting === 'gone' ? 'skip locked' : ''}`,
    values: [project, ids],
  })
  return new Map(rows.map((row) => [row.id, row]))
}

/** Locks a file in order to delete it. */
export async function lockFile(tx: Queryable, project: string, id: string): Promise<FileRow | undefined> {
  return findRow<FileRow>(tx, {
    text: `select ${fileColumns} from files where id = $1 and project = $2 for update`,
    values: [id, project],
  })
}

/** Locks one expired file, unless another process has locked it. */
export async function lockExpiredFile(tx: Queryable, now: number): Promise<FileRow | undefined> {
  return findRow<FileRow>(tx, {
    name: 'lock_expired_file',
    text: `select ${fileColumns} from files where expires_at <= $1
           order by expires_at limit 1 for update skip locked`,
    values: [now],
  })
}

export async function removeFile(tx: Queryable, id: string): Promise<void> {
  await tx.query({ text: 'delete from files where id = $1', values: [id] })
}
