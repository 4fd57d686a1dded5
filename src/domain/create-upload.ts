/** Creates an upload. Its content arrives in parts, and the file exists when the upload is completed. */
import { errors } from '../api/errors.ts'
import type { CreateUploadRequest, Upload } from '../api/uploads.ts'
import { insertUpload, toUpload, type UploadRow } from '../sql/uploads.ts'
import { nowSeconds } from '../util/clock.ts'
import { maxFileNameLength } from '../util/file-name.ts'
import { newHexId } from '../util/ids.ts'
import type { Context } from './context.ts'

/** The time from the creation of an upload to its expiry. */
const lifetimeSeconds = 3600

export async function createUpload(
  context: Pick<Context, 'db' | 'clock'>,
  project: string,
  request: CreateUploadRequest,
): Promise<Upload> {
  const { filename } = request
  if (filename.length > maxFileNameLength) {
    throw errors.stringTooLong('filename', maxFileNameLength, filename.length)
  }
  const now = nowSeconds(context.clock)
  const row: UploadRow = {
    id: newHexId('upload_', now),
    project,
    created_at: now,
    expires_at: now + lifetimeSeconds,
    status: 'pending',
    bytes: request.bytes,
    filename,
    purpose: request.purpose,
    expires_after: request.expires_after ?? null,
  }
  await insertUpload(context.db, row)
  return toUpload(row)
}
