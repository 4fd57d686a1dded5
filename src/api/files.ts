/** Files. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { at, atOrNull, addIssue, integer } from './fields.ts'

/** The purposes of uploads, in the order of the error text. */
export const uploadPurposes = ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] as const

const FilePurpose = z.enum([...uploadPurposes, 'assistants_output', 'batch_output', 'fine-tune-results'])

/** Not called `File`, because that is a global of the platform. */
export const FileObject = z.strictObject({
  object: z.literal('file'),
  id: z.string(),
  purpose: FilePurpose,
  filename: z.string(),
  bytes: z.int(),
  created_at: at,
  expires_at: atOrNull,
  status: z.enum(['uploaded', 'processed', 'error']),
  status_details: z.string().nullable(),
})
export type FileObject = z.output<typeof FileObject>

export const FileDeleted = z.strictObject({
  object: z.literal('file'),
  deleted: z.literal(true),
  id: z.string(),
})

export const FileExpiry = z.strictObject({
  anchor: z.enum(['created_at']),
  seconds: integer(3600, 2_592_000),
})
export type FileExpiry = z.output<typeof FileExpiry>

/** The fields beside `file` in the multipart form of `POST /files`; read with parseForm. */
export const CreateFileRequest = z.strictObject({
  /** Not a zod enum: this endpoint has an older error text. */
  purpose: z
    .string()
    .check(({ value, issues }) => {
      if (uploadPurposes.some((purpose) => purpose === value)) return
      addIssue(issues, value, (path) => errors.notOneOf(path, value, uploadPurposes))
    })
    .pipe(z.enum(uploadPurposes))
    .meta({ type: 'string', enum: [...uploadPurposes] }),
  expires_after: FileExpiry.optional(),
})
