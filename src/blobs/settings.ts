/** What a user writes to choose where file contents live. */
import { z } from 'zod'

const DiskBlobSettings = z.strictObject({
  type: z.literal('disk'),
  folder: z.string().min(1),
})

const S3BlobSettings = z.strictObject({
  type: z.literal('s3'),
  /** Scheme, host and port, without the bucket: `https://s3.eu-central-1.amazonaws.com`, `http://minio:9000`. */
  endpoint: z.url({ protocol: /^https?$/ }),
  bucket: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/, 'is no bucket name'),
  /** Part of the signature; stores without regions take any word, often `us-east-1` or `auto`. */
  region: z.string().min(1),
  /**
   * Put before every object's name, so that one bucket can serve several servers. Only signs that a URL carries
   * unescaped: servers do not agree on how to escape the others when they check a signature.
   */
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-][A-Za-z0-9._/-]*$/, 'may hold letters, digits and . _ - /')
    .refine(
      (prefix) => prefix.split('/').every((part) => part !== '.' && part !== '..'),
      'may not hold . or ..',
    )
    .optional(),
  access_key_id: z.string().min(1),
  secret_access_key: z.string().min(1),
  /** `endpoint/bucket/name` instead of `bucket.endpoint/name`; the default is true except on amazonaws.com. */
  path_style: z.boolean().optional(),
  /** Where an upload waits until its hash is known; the system's folder for temporary files when absent. */
  spool_folder: z.string().min(1).optional(),
})

export const BlobStoreSettings = z.discriminatedUnion('type', [DiskBlobSettings, S3BlobSettings])
export type BlobStoreSettings = z.infer<typeof BlobStoreSettings>
export type DiskBlobSettings = z.infer<typeof DiskBlobSettings>
export type S3BlobSettings = z.infer<typeof S3BlobSettings>
