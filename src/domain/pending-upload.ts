/** The condition of every step of an upload. */
import { errors } from '../api/errors.ts'
import { findUpload, type UploadKey, type UploadRow } from '../sql/uploads.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Throws unless the upload is pending. It is also called before the body of a part is read. */
export async function requirePendingUpload(
  context: Pick<Context, 'db' | 'clock'>,
  key: UploadKey,
): Promise<UploadRow> {
  return checkPending(context, key, await findUpload(context.db, key))
}

/** The same check for a row that was already read. */
export function checkPending(
  { clock }: Pick<Context, 'clock'>,
  key: UploadKey,
  row: UploadRow | undefined,
): UploadRow {
  if (!row) throw errors.notFound('upload', key.id)
  // The sweep may not have expired it yet.
  const hasExpired = row.status === 'pending' && row.expires_at <= nowSeconds(clock)
  const status = hasExpired ? 'expired' : row.status
  if (status !== 'pending') throw errors.uploadNotPending(key.id, status)
  return row
}
