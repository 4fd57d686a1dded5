/** /v1/uploads */
import { errors } from '../api/errors.ts'
import {
  addUploadPart,
  cancelUpload,
  completeUpload,
  createUpload,
  requirePendingUpload,
} from '../domain/uploads.ts'
import { saveContent } from '../domain/save-content.ts'
import { readForm } from './forms.ts'
import { route } from './route.ts'

const maxPartBytes = 64 * 1024 * 1024

export const uploadRoutes = [
  route({
    method: 'POST',
    path: '/v1/uploads',
    id: 'createUpload',
    summary: 'Start the upload of a file in parts',
    body: 'CreateUploadRequest',
    example: { filename: 'notes.txt', purpose: 'assistants', bytes: 6, mime_type: 'text/plain' },
    answer: 'Upload',
    handle: ({ context, project, body }) => createUpload(context, project, body),
  }),
  route({
    method: 'POST',
    path: '/v1/uploads/{upload_id}/parts',
    id: 'addUploadPart',
    summary: 'Add a part to an upload',
    form: { file: 'data' },
    answer: 'UploadPart',
    async handle({ context, project, params, reply }) {
      const key = { project, id: params.upload_id }
      const tooLarge = errors.partTooLarge(maxPartBytes)
      const rules = { limit: { bytes: maxPartBytes, error: tooLarge } }
      const { fields, stored } = await readForm(reply, {
        field: 'data',
        maxBytes: maxPartBytes,
        tooLarge,
        async store(file) {
          await requirePendingUpload(context, key)
          return saveContent(context, file.bytes, rules)
        },
      })
      const [unknown] = Object.keys(fields)
      if (unknown !== undefined) throw errors.unknownParameter(unknown)
      return addUploadPart(context, key, stored)
    },
  }),
  route({
    method: 'POST',
    path: '/v1/uploads/{upload_id}/complete',
    id: 'completeUpload',
    summary: 'Complete an upload: join its parts to a file',
    body: 'CompleteUploadRequest',
    example: { part_ids: ['part_abc123'] },
    answer: 'Upload',
    handle: ({ context, project, params, body }) =>
      completeUpload(context, { project, id: params.upload_id }, body),
  }),
  route({
    method: 'POST',
    path: '/v1/uploads/{upload_id}/cancel',
    id: 'cancelUpload',
    summary: 'Cancel an upload',
    answer: 'Upload',
    handle: ({ context, project, params }) => cancelUpload(context, { project, id: params.upload_id }),
  }),
]
