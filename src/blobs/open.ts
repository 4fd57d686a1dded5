/** Opens the configured blob store. */
import { openDiskBlobStore } from './disk.ts'
import type { BlobStore } from './port.ts'
import { openS3BlobStore } from './s3.ts'
import type { BlobStoreSettings } from './settings.ts'

/**
 * Rejects with a sentence for the user when the folder or the bucket cannot be used. `minFreeBytes` is for a
 * folder: the space that puts leave free on its disk.
 */
export async function openBlobStore(
  settings: BlobStoreSettings,
  options: { minFreeBytes: number } = { minFreeBytes: 0 },
): Promise<BlobStore> {
  switch (settings.type) {
    case 'disk':
      return openDiskBlobStore(settings, options)
    case 's3':
      return openS3BlobStore(settings)
  }
}
