/** Opens the blob store that the settings name. */
import { openDiskBlobStore } from './disk.ts'
import type { BlobStore } from './port.ts'
import { openS3BlobStore } from './s3.ts'
import type { BlobStoreSettings } from './settings.ts'

/** Rejects with a sentence for the user when the folder or the bucket cannot be used. */
export async function openBlobStore(settings: BlobStoreSettings): Promise<BlobStore> {
  switch (settings.type) {
    case 'disk':
      return openDiskBlobStore(settings)
    case 's3':
      return openS3BlobStore(settings)
  }
}
