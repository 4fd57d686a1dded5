/** /v1/files */
import type { FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import { CreateFileRequest, type FileDeleted } from '../api/files.ts'
import { textFault } from '../api/inspect.ts'
import { fileListOf, ListFilesQuery } from '../api/lists.ts'
import { parse, parseForm, parseQuery } from '../api/parse.ts'
import { createFile } from '../domain/create-file.ts'
import { deleteFile } from '../domain/delete-file.ts'
import { maxFileNameLength, plainFileName } from '../util/file-name.ts'
import { saveContent } from '../domain/save-content.ts'
import { findFile, listFiles, toFile, type FileRow } from '../sql/files.ts'
import { UnknownCursor } from '../sql/pages.ts'
import { sendContent } from './file-content.ts'
import { readForm, type FormFields } from './forms.ts'
import { pageQuery } from './pages.ts'
import type { Server } from './server.ts'

/** Purposes whose contents the live API keeps to itself. */
const keptPurposes: ReadonlySet<string> = new Set(['assistants', 'user_data'])

export function fileRoutes({ http, context, allowAllDownloads }: Server): void {
  http.get('/files', async (request) => {
    const query = parseQuery(ListFilesQuery, request.query)
    const { purpose } = query
    const scope = { project: request.project, ...(purpose !== undefined && { purpose }) }
    try {
      const { data, has_more } = await listFiles(context.db, scope, pageQuery(query))
      return fileListOf(data, has_more)
    } catch (error) {
      if (error instanceof UnknownCursor) throw errors.fileNotFound(error.id)
      throw error
    }
  })

  const requireFile = async (request: FastifyRequest): Promise<FileRow> => {
    const id = fileId(request)
    const file = await findFile(context.db, request.project, id)
    if (!file) throw errors.fileNotFound(id)
    return file
  }

  http.get('/files/:file_id', async (request) => toFile(await requireFile(request)))

  http.get('/files/:file_id/content', async (request, reply) => {
    const file = await requireFile(request)
    if (keptPurposes.has(file.purpose) && !allowAllDownloads) throw errors.downloadForbidden(file.purpose)
    return sendContent(context, file, request, reply)
  })

  http.delete('/files/:file_id', async (request): Promise<FileDeleted> => {
    const id = fileId(request)
    await deleteFile(context, request.project, id)
    return { object: 'file', deleted: true, id }
  })
}

/** Takes a form, so it stands apart from the routes that take JSON. */
export function createFileRoute({ http, context, maxFileBytes }: Server): void {
  const tooLarge = errors.fileTooLarge(maxFileBytes)
  const rules = { limit: { bytes: maxFileBytes, error: tooLarge }, empty: errors.emptyFile() }
  http.post('/files', async (request, reply) => {
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
    return createFile(context, {
      project: request.project,
      ...stored,
      ...parseForm(CreateFileRequest, fields),
    })
  })
}

function checkName(sent: string | undefined): string {
  const name = plainFileName(sent ?? '')
  if (name === undefined) throw errors.requiredProperty('file')
  const fault = textFault(name)
  if (fault) throw errors.unstorableText('file', fault)
  if (name.length > maxFileNameLength) throw errors.stringTooLong('file', maxFileNameLength, name.length)
  return name
}

/** A purpose that came before the file is judged before the file is read. */
function checkPurpose({ purpose }: FormFields): void {
  if (purpose !== undefined) parse(CreateFileRequest.pick({ purpose: true }), { purpose })
}

/** This API checks no prefix. What cannot be stored is no file's id. */
function fileId(request: FastifyRequest): string {
  const { file_id = '' } = request.params as { file_id?: string }
  if (textFault(file_id)) throw errors.fileNotFound(file_id)
  return file_id
}
