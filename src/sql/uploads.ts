/** Rows of `uploads` and `upload_parts`. */
import type { FileExpiry, FileObject } from '../api/files.ts'
import type { Upload, UploadPart } from '../api/uploads.ts'
import type { Queryable } from '../database/database.ts'
import { findRow, insertRow } from './rows.ts'

export interface UploadRow {
  id: string
  project: string
  created_at: number
  expires_at: number
  status: Upload['status']
  bytes: number
  filename: string
  purpose: FileObject['purpose']
  expires_after: FileExpiry | null
}

export interface PartRow {
  id: string
  upload_id: string
  created_at: number
  bytes: number
  sha256: string
}

export interface UploadKey {
  project: string
  id: string
}

const columns = 'id, project, created_at, expires_at, status, bytes, filename, purpose, expires_after'
const partColumns = 'id, upload_id, created_at, bytes, sha256'

/** `file` is for completed uploads only. */
export function toUpload(row: UploadRow, file?: FileObject): Upload {
  return {
    id: row.id,
    object: 'upload',
    bytes: row.bytes,
    created_at: row.created_at,
    filename: row.filename,
    purpose: row.purpose,
    status: row.status,
    expires_at: row.expires_at,
    ...(file && { file }),
  }
}

export function toPart(row: PartRow): UploadPart {
  return { id: row.id, object: 'upload.part', created_at: row.created_at, upload_id: row.upload_id }
}

export async function insertUpload(db: Queryable, row: UploadRow): Promise<void> {
  await insertRow(db, 'uploads', columns, row)
}

export async function findUpload(db: Queryable, key: UploadKey): Promise<UploadRow | undefined> {
  return findRow<UploadRow>(db, {
    name: 'find_upload',
    text: `select ${columns} from uploads where id = $1 and project = $2`,
    values: [key.id, key.project],
  })
}

/** `share` is for adding parts, which may happen at the same time; `exclusive` is for the end of the upload. */
export async function lockUpload(
  tx: Queryable,
  key: UploadKey,
  strength: 'share' | 'exclusive',
): Promise<UploadRow | undefined> {
  return findRow<UploadRow>(tx, {
    text: `select ${columns} from uploads where id = $1 and project = $2
           for ${strength === 'share' ? 'share' : 'update'}`,
    values: [key.id, key.project],
  })
}

/** Locks one expired pending upload, unless another process has locked it. */
export async function lockExpiredUpload(tx: Queryable, now: number): Promise<UploadRow | undefined> {
  return findRow<UploadRow>(tx, {
    name: 'lock_expired_upload',
    text: `select ${columns} from uploads where status = 'pending' and expires_at <= $1
           order by expires_at limit 1 for update skip locked`,
    values: [now],
  })
}

export async function setUploadStatus(tx: Queryable, id: string, status: Upload['status']): Promise<void> {
  await tx.query({ text: 'update uploads set status = $2 where id = $1', values: [id, status] })
}

/** The row of the contents in `blobs` must be held by the same transaction. */
export async function insertPart(tx: Queryable, row: PartRow): Promise<void> {
  await insertRow(tx, 'upload_parts', partColumns, row)
}

export async function partsOfUpload(db: Queryable, upload_id: string): Promise<PartRow[]> {
  return db.query<PartRow>({
    text: `select ${partColumns} from upload_parts where upload_id = $1`,
    values: [upload_id],
  })
}

export async function removeParts(tx: Queryable, upload_id: string): Promise<void> {
  await tx.query({ text: 'delete from upload_parts where upload_id = $1', values: [upload_id] })
}
