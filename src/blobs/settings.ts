/** The settings that choose where file contents are stored. */
import { z } from 'zod'

const DiskBlobSettings = z.strictObject({
  type: z.literal('disk'),
  folder: z.string().min(1).meta({
    variable: 'SPOOL_BLOBS_FOLDER',
    description: 'the folder for file contents; all processes on one database need the same',
    shown: '`<data_dir>/blobs`',
  }),
})

const S3BlobSettings = z.strictObject({
  type: z.literal('s3'),
  endpoint: z.url({ protocol: /^https?$/ }).meta({
    variable: 'SPOOL_S3_ENDPOINT',
    description:
      'scheme, host and port of an S3-compatible server, without the bucket: `https://s3.eu-central-1.amazonaws.com`, `http://minio:9000`',
  }),
  bucket: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/, 'is not a valid bucket name')
    .meta({ variable: 'SPOOL_S3_BUCKET', description: 'the bucket for file contents' }),
  region: z.string().min(1).meta({
    variable: 'SPOOL_S3_REGION',
    description: 'part of the signature; servers without regions take any word, often `us-east-1` or `auto`',
  }),
  // Only characters that need no escaping in a URL: servers escape others differently when they check a signature.
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-][A-Za-z0-9._/-]*$/, 'may hold letters, digits and . _ - /')
    .refine(
      (prefix) => prefix.split('/').every((part) => part !== '.' && part !== '..'),
      'may not hold . or ..',
    )
    .optional()
    .meta({
      variable: 'SPOOL_S3_PREFIX',
      description: 'put before the name of every object, so that several servers can share one bucket',
    }),
  access_key_id: z
    .string()
    .min(1)
    .meta({ variable: 'SPOOL_S3_ACCESS_KEY_ID', description: 'the access key' }),
  secret_access_key: z
    .string()
    .min(1)
    .meta({ variable: 'SPOOL_S3_SECRET_ACCESS_KEY', description: 'its secret' }),
  path_style: z.boolean().optional().meta({
    variable: 'SPOOL_S3_PATH_STYLE',
    description: '`endpoint/bucket/name` instead of `bucket.endpoint/name`',
    shown: '`true`, except on amazonaws.com',
  }),
  spool_folder: z.string().min(1).optional().meta({
    variable: 'SPOOL_S3_SPOOL_FOLDER',
    description: 'where an upload waits on disk until its hash is known',
    shown: 'the folder for temporary files',
  }),
})

export const BlobStoreSettings = z.discriminatedUnion('type', [DiskBlobSettings, S3BlobSettings])
export type BlobStoreSettings = z.infer<typeof BlobStoreSettings>
export type DiskBlobSettings = z.infer<typeof DiskBlobSettings>
export type S3BlobSettings = z.infer<typeof S3BlobSettings>
