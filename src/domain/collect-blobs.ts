/** Deletes contents that nothing refers to, and sees to it that all processes use one blob store. */
import type { BlobStore } from '../blobs/port.ts'
import {
  forgetBlob,
  holdBlob,
  isBlobInUse,
  lockBlobCollection,
  lockReleasedBlob,
  recordBlobStore,
} from '../sql/blobs.ts'
import type { Queryable } from '../database/database.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** How long contents outlive their last reference: whoever is reading them, or just storing them again, gets on. */
const idleSeconds = 3600

/** Looks at one blob; answers 0 when there was none. Call it again otherwise. */
export async function collectBlobs(context: Context): Promise<number> {
  return context.db.transaction(async (tx) => {
    if (!(await lockBlobCollection(tx))) return 0
    const sha256 = await lockReleasedBlob(tx, nowSeconds(context.clock) - idleSeconds)
    if (sha256 === undefined) return 0
    // Asked after the lock is held: a reference that was being added while it was awaited is seen.
    if (await isBlobInUse(tx, sha256)) {
      await holdBlob(tx, sha256)
      return 1
    }
    await context.blobs.remove(sha256)
    await forgetBlob(tx, sha256)
    return 1
  })
}

/** Throws a sentence for the user when the database belongs with another blob store. */
export async function checkBlobStore(db: Queryable, blobs: BlobStore, place: string): Promise<void> {
  const identity = await blobs.identity()
  const recorded = await recordBlobStore(db, identity)
  if (recorded === identity) return
  throw new Error(
    `The files of this database are in the blob store ${recorded}, and ${place} is the blob store ${identity}. ` +
      "Every process of a database must use the same folder or bucket: set 'blobs' in spool.config.json. " +
      'If the old one is lost for good, delete the row of the table blob_store and start again.',
  )
}
