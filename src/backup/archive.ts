/**
 * The layout of a backup: a gzipped tar with these entries, in this order.
 *
 * - `spool-backup.json`: a `Header`
 * - `tables/NAME/000001.ndjson` …: rows as PostgreSQL's row_to_json prints them, one a line
 * - `blobs/SHA256`: the contents of files
 * - `manifest.json`: a `Manifest`; an archive without it is not complete
 */

export const headerName = 'spool-backup.json'
export const manifestName = 'manifest.json'
export const format = 'spool-backup/v1'

export interface Header {
  format: string
  /** The version of Spool that wrote the archive. */
  version: string
  /** The number of the newest migration: the schema of the rows. */
  migration: number
  /** ISO 8601. */
  created_at: string
}

export interface Manifest {
  rows: number
  blobs: number
  /** SHA-256 of each entry of rows, by name, in hex. The name of a blob is its checksum. */
  checksums: Record<string, string>
}

/** Counts so far, for a progress display. */
export interface Progress {
  rows: number
  blobs: number
  /** Bytes of file contents. */
  bytes: number
}

/** A backup that cannot be written or restored; the message is for the user. */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused'
}

/** Tables that belong to running processes or to one installation, and are not part of a backup. */
export const excludedTables = ['schema_migrations', 'workers', 'answers', 'blob_store', 'blobs']

export function rowsName(table: string, number: number): string {
  return `tables/${table}/${String(number).padStart(6, '0')}.ndjson`
}

export function tableOf(name: string): string | undefined {
  return /^tables\/([a-z_]+)\/\d+\.ndjson$/.exec(name)?.[1]
}

export function blobOf(name: string): string | undefined {
  return /^blobs\/([0-9a-f]{64})$/.exec(name)?.[1]
}
