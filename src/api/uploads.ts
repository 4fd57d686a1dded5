/** Uploads: a file that arrives in parts. */
import { z } from 'zod'
import { at, integer, text } from './fields.ts'
import { FileExpiry, FileObject } from './files.ts'

const UploadStatus = z.enum(['pending', 'completed', 'cancelled', 'expired'])

/** `file` is absent until the upload is completed. */
export const Upload = z.strictObject({
  id: z.string(),
  object: z.literal('upload'),
  bytes: z.int(),
  created_at: at,
  filename: z.string(),
  purpose: z.string(),
  status: UploadStatus,
  expires_at: at,
  file: FileObject.optional(),
})
export type Upload = z.output<typeof Upload>

export const UploadPart = z.strictObject({
  id: z.string(),
  object: z.literal('upload.part'),
  created_at: at,
  upload_id: z.string(),
})
export type UploadPart = z.output<typeof UploadPart>

const maxUploadBytes = 8 * 1024 ** 3

export const CreateUploadRequest = z.strictObject({
  filename: text({ min: 1 }),
  purpose: z.enum(['assistants', 'batch', 'fine-tune', 'vision', 'user_data']),
  bytes: integer(1, maxUploadBytes),
  mime_type: text({ min: 1 }),
  expires_after: FileExpiry.optional(),
})
export type CreateUploadRequest = z.output<typeof CreateUploadRequest>

export const CompleteUploadRequest = z.strictObject({
  part_ids: z.array(text({ min: 1 })).min(1),
  md5: text().optional(),
})
export type CompleteUploadRequest = z.output<typeof CompleteUploadRequest>
