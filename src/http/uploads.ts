/** /v1/uploads */
import type { FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import { textFault } from '../api/inspect.ts'
import { parse } from '../api/parse.ts'
import { CompleteUploadRequest, CreateUploadRequest } from '../api/uploads.ts'
import { addUploadPart } from '../domain/add-upload-part.ts'
import { cancelUpload } from '../domain/close-upload.ts'
import { completeUpload } from '../domain/complete-upload.ts'
import { createUpload } from '../domain/create-upload.ts'
import { requirePendingUpload } from '../domain/pending-upload.ts'
import { saveContent } from '../domain/save-content.ts'
import type { UploadKey } from '../sql/uploads.ts'
import { readForm } from './forms.ts'
import type { Server } from './server.ts'

const maxPartBytes = 64 * 1024 * 1024

export function uploadRoutes({ http, context }: Server): void {
  http.post('/uploads', async (request) =>
    createUpload(context, request.project, parse(CreateUploadRequest, request.body)),
  )

  http.post('/uploads/:upload_id/complete', async (request) => {
    const key = uploadKey(request)
    return completeUpload(context, key, parse(CompleteUploadRequest, request.body))
  })

  http.post('/uploads/:upload_id/cancel', async (request) => cancelUpload(context, uploadKey(request)))
}

/** Takes a form, so it stands apart from the routes that take JSON. */
export function addPartRoute({ http, context }: Server): void {
  const tooLarge = errors.partTooLarge(maxPartBytes)
  const rules = { limit: { bytes: maxPartBytes, error: tooLarge } }
  http.post('/uploads/:upload_id/parts', async (request, reply) => {
    const key = uploadKey(request)
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
  })
}

/** What cannot be stored is no upload's id. */
function uploadKey(request: FastifyRequest): UploadKey {
  const { upload_id: id = '' } = request.params as { upload_id?: string }
  if (textFault(id)) throw errors.notFound('upload', id)
  return { project: request.project, id }
}
