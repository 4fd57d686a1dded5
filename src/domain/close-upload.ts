/** Ends uploads as completed, cancelled or expired. */
import type { Upload } from '../api/uploads.ts'
import type { Queryable } from '../database/database.ts'
import { lockBlobs, releaseBlobs } from '../sql/blobs.ts'
import {
  lockExpiredUpload,
  lockUpload,
  partsOfUpload,
  removeParts,
  setUploadStatus,
  toUpload,
  type UploadKey,
} from '../sql/uploads.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'
import { checkPending } from './pending-upload.ts'
import { holdContent } from './save-content.ts'

type Uploads = Pick<Context, 'clock' | 'db'>

export async function cancelUpload(context: Uploads, key: UploadKey): Promise<Upload> {
  return context.db.transaction(async (tx) => {
    const row = checkPending(context, key, await lockUpload(tx, key, 'exclusive'))
    await closeUpload(context, tx, { id: key.id, status: 'cancelled' })
    return toUpload({ ...row, status: 'cancelled' })
  })
}

/** Ends one upload that has expired. Returns how many it ended; call it again while that is not 0. */
export async function expireUploads(context: Uploads): Promise<number> {
  return context.db.transaction(async (tx) => {
    const row = await lockExpiredUpload(tx, nowSeconds(context.clock))
    if (!row) return 0
    await closeUpload(context, tx, { id: row.id, status: 'expired' })
    return 1
  })
}

/** Ends a locked upload: deletes its parts and releases their content, except the content `keeps`. */
export async function closeUpload(
  { clock }: Pick<Context, 'clock'>,
  tx: Queryable,
  end: { id: string; status: Upload['status']; keeps?: string },
): Promise<void> {
  const { id, status, keeps } = end
  const hashes = (await partsOfUpload(tx, id)).map((part) => part.sha256)
  await lockBlobs(tx, keeps === undefined ? hashes : [...hashes, keeps])
  await removeParts(tx, id)
  await releaseBlobs(tx, hashes, nowSeconds(clock))
  // After the release, because the file of an upload with one part has the same content as the part.
  if (keeps !== undefined) await holdContent(tx, keeps)
  await setUploadStatus(tx, id, status)
}
