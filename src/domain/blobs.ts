/** Deletes content without references, and checks that all processes of a database use the same blob store. */
import type { BlobStore } from '../blobs/port.ts'
import type { Queryable } from '../database/database.ts'
import {
  forgetBlob,
  holdBlob,
  isBlobInUse,
  lockBlobCollection,
  lockReleasedBlob,
  recordBlobStore,
} from '../sql/blobs.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** Content is kept this long after its last reference, for readers and for uploads of the same bytes. */
const idleSeconds = 3600

/** Handles one blob. Returns 0 when there was none; call it again otherwise. */
export async function collectBlobs(context: Pick<Context, 'blobs' | 'clock' | 'db'>): Promise<number> {
  return context.db.transaction(async (tx) => {
    if (!(await lockBlobCollection(tx))) return 0
    const sha256 = await lockReleasedBlob(tx, nowSeconds(context.clock) - idleSeconds)
    if (sha256 === undefined) return 0
    // Checked under the lock, so that it sees a reference that was added before the lock was acquired.
    if (await isBlobInUse(tx, sha256)) {
      await holdBlob(tx, sha256)
      return 1
    }
    await context.blobs.remove(sha256)
    await forgetBlob(tx, sha256)
    return 1
  })
}

/** Throws an error for the operator when the database belongs to another blob store. */
export async function checkBlobStore(db: Queryable, blobs: BlobStore, location: string): Promise<void> {
  const identity = await blobs.identity()
  const recorded = await recordBlobStore(db, identity)
  if (recorded === identity) return
  throw new Error(
    `The files of this database are in the blob store ${recorded}, and ${location} is the blob store ${identity}. ` +
      "Every process of a database must use the same folder or bucket: set 'blobs' in spool.config.json. " +
      'If the old one is lost for good, delete the row of the table blob_store and start again.',
  )
}
