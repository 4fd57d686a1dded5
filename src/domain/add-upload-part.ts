/** Adds a part to an upload. */
import type { UploadPart } from '../api/uploads.ts'
import { insertPart, lockUpload, toPart, type PartRow, type UploadKey } from '../sql/uploads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newHexId } from '../util/ids.ts'
import type { Context } from './context.ts'
import { checkPending } from './pending-upload.ts'
import { holdContent, type SavedContent } from './save-content.ts'

/** The request that completes the upload sets the order of the parts, so several may be added at the same time. */
export async function addUploadPart(
  context: Pick<Context, 'db' | 'clock'>,
  key: UploadKey,
  content: SavedContent,
): Promise<UploadPart> {
  const now = nowSeconds(context.clock)
  const { sha256, bytes } = content
  const part: PartRow = { id: newHexId('part_', now), upload_id: key.id, created_at: now, bytes, sha256 }
  await context.db.transaction(async (tx) => {
    checkPending(context, key, await lockUpload(tx, key, 'share'))
    await holdContent(tx, sha256)
    await insertPart(tx, part)
  })
  return toPart(part)
}
