/** The contract on a real S3 server; `npm run test:s3` starts one and names it in the environment. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AwsClient } from 'aws4fetch'
import { describe, expect, test } from 'vitest'
import { openBlobStore } from '../../src/blobs/open.ts'
import type { S3BlobSettings } from '../../src/blobs/settings.ts'
import { blobStoreContract } from '../contracts/blob-store.ts'

const endpoint = process.env.TEST_S3_ENDPOINT
const bucket = process.env.TEST_S3_BUCKET ?? 'spool'
const settings: S3BlobSettings = {
  type: 's3',
  endpoint: endpoint ?? 'http://unset',
  bucket,
  region: process.env.TEST_S3_REGION ?? 'us-east-1',
  prefix: `test-${randomUUID()}`,
  access_key_id: process.env.TEST_S3_ACCESS_KEY_ID ?? 'unset',
  secret_access_key: process.env.TEST_S3_SECRET_ACCESS_KEY ?? 'unset',
}

/** The names with our prefix, read from the server and not from the driver; a test stores far less than one page. */
async function listBlobs(): Promise<string[]> {
  const client = new AwsClient({
    accessKeyId: settings.access_key_id,
    secretAccessKey: settings.secret_access_key,
    service: 's3',
    region: settings.region,
  })
  const answer = await client.fetch(
    `${settings.endpoint}/${bucket}?list-type=2&prefix=${settings.prefix}%2Fblobs%2F`,
  )
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return [...text.matchAll(/<Key>[^<]*\/([0-9a-f]{64})<\/Key>/g)].map(([, name]) => name ?? '').sort()
}

describe.skipIf(endpoint === undefined)('on an S3 server', () => {
  blobStoreContract('s3 (server)', async () => {
    const spool = await mkdtemp(join(tmpdir(), 'spool-blobs-'))
    return {
      settings: { ...settings, spool_folder: spool },
      visible: listBlobs,
      debris: () => readdir(spool),
      close: async () => {
        const store = await openBlobStore(settings)
        for (const name of await listBlobs()) await store.remove(name)
        await store.close()
        await rm(spool, { recursive: true })
      },
    }
  })

  test('a wrong secret is an error when the blob store is opened', async () => {
    await expect(openBlobStore({ ...settings, secret_access_key: 'wrong' })).rejects.toThrow(
      'SignatureDoesNotMatch',
    )
  })

  test('a missing bucket is an error when the blob store is opened', async () => {
    await expect(openBlobStore({ ...settings, bucket: `none-${randomUUID()}` })).rejects.toThrow(
      'NoSuchBucket',
    )
  })
})
