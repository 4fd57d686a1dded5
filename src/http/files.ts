/** /v1/files */
import { errors } from '../api/errors.ts'
import { CreateFileRequest } from '../api/files.ts'
import { textFault } from '../api/inspect.ts'
import { ListFilesQuery } from '../api/lists.ts'
import { parse, parseForm } from '../api/parse.ts'
import { createFile, deleteFile, openFile } from '../domain/files.ts'
import { maxFileNameLength, plainFileName } from '../util/file-name.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { saveContent } from '../domain/save-content.ts'
import { sendContent } from './file-content.ts'
import { readForm, type FormFields } from './forms.ts'
import { route } from './route.ts'

/** Purposes of files that the live API does not let clients download. */
const privatePurposes: ReadonlySet<string> = new Set(['assistants', 'user_data'])

export const fileRoutes = [
  route({
    method: 'POST',
    path: '/v1/files',
    id: 'createFile',
    summary: 'Upload a file',
    form: { fields: 'CreateFileRequest', file: 'file' },
    example: { purpose: 'assistants' },
    answer: 'File',
    async handle({ server, context, project, reply }) {
      const { maxFileBytes } = server.rules
      const tooLarge = errors.fileTooLarge(maxFileBytes)
      const rules = { limit: { bytes: maxFileBytes, error: tooLarge }, empty: errors.emptyFile() }
      const { fields, stored } = await readForm(reply, {
        field: 'file',
        maxBytes: maxFileBytes,
        tooLarge,
        async store(file, before) {
          const filename = checkName(file.filename)
          checkPurpose(before)
          return { filename, content: await saveContent(context, file.bytes, rules) }
        },
      })
      if (fields.purpose === undefined) throw errors.requiredProperty('purpose')
      return createFile(context, { project, ...stored, ...parseForm(CreateFileRequest, fields) })
    },
  }),
  route({
    method: 'GET',
    path: '/v1/files',
    id: 'listFiles',
    summary: 'List the files of the project',
    query: ListFilesQuery,
    answer: 'FileList',
    handle: ({ context, project, query }) => listObjects.files(context, project, query),
  }),
  route({
    method: 'GET',
    path: '/v1/files/{file_id}',
    id: 'getFile',
    summary: 'Retrieve the description of a file',
    answer: 'File',
    handle: ({ context, project, params }) => findObject.file(context, { project, ...params }),
  }),
  route({
    method: 'GET',
    path: '/v1/files/{file_id}/content',
    id: 'getFileContent',
    summary: 'Download the content of a file',
    description:
      'Files uploaded for assistants cannot be downloaded unless the server is configured to allow it.',
    media: ['application/octet-stream', 'image/*'],
    async handle({ server, context, project, params, request, reply }) {
      const opened = await openFile(context, { project, ...params })
      if (!opened) return undefined
      const { purpose } = opened.file
      if (privatePurposes.has(purpose) && !server.rules.allowAllDownloads)
        throw errors.downloadForbidden(purpose)
      return sendContent(opened, request, reply)
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/files/{file_id}',
    id: 'deleteFile',
    summary: 'Delete a file',
    answer: 'FileDeleted',
    async handle({ context, project, params: { file_id: id } }) {
      await deleteFile(context, project, id)
      return { object: 'file', deleted: true, id }
    },
  }),
]

/** The name is kept as it was sent, directories included; code that writes a file uses only its last part. */
function checkName(name = ''): string {
  // A path that ends with a slash is not the name of a file.
  if (plainFileName(name) === undefined) throw errors.requiredProperty('file')
  const fault = textFault(name)
  if (fault) throw errors.unstorableText('file', fault)
  if (name.length > maxFileNameLength) throw errors.stringTooLong('file', maxFileNameLength, name.length)
  return name
}

/** A purpose that precedes the file is checked before the file is read. */
function checkPurpose({ purpose }: FormFields): void {
  if (purpose !== undefined) parse(CreateFileRequest.pick({ purpose: true }), { purpose })
}
