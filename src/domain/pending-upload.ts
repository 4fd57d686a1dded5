/** The condition that every step of an upload begins with. */
import { errors } from '../api/errors.ts'
import { findUpload, type UploadKey, type UploadRow } from '../sql/uploads.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Throws unless parts can be added and the upload can be completed. It is asked before a body is read, too. */
export async function requirePendingUpload(
  context: Pick<Context, 'db' | 'clock'>,
  key: UploadKey,
): Promise<UploadRow> {
  return checkPending(context, key, await findUpload(context.db, key))
}

/** The same for a row that was read already. */
export function checkPending(
  { clock }: Pick<Context, 'clock'>,
  key: UploadKey,
  row: UploadRow | undefined,
): UploadRow {
  if (!row) throw errors.notFound('upload', key.id)
  // The sweep may not have expired it yet.
  const isLate = row.status === 'pending' && row.expires_at <= nowSeconds(clock)
  const status = isLate ? 'expired' : row.status
  if (status !== 'pending') throw errors.uploadNotPending(key.id, status)
  return row
}
