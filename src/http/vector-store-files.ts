/** /v1/vector_stores/{vector_store_id}/files */
import type { FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { ListVectorStoreFilesQuery } from '../api/lists.ts'
import { parse, parseQuery } from '../api/parse.ts'
import {
  CreateVectorStoreFileRequest,
  ModifyVectorStoreFileRequest,
  type VectorStoreFileDeleted,
} from '../api/vector-stores.ts'
import { attachFile } from '../domain/attach-file.ts'
import { detachFile } from '../domain/detach-file.ts'
import { fileText } from '../search/file-text.ts'
import { findStoreFile, listStoreFiles, setAttributes, type StoreFileKey } from '../sql/vector-store-files.ts'
import { ingestPollAfterMs } from './headers.ts'
import { missingStoreFile, requireVectorStore } from './missing.ts'
import { answerPage, pageQuery } from './pages.ts'
import { pathIds } from './params.ts'
import type { Server } from './server.ts'

const one = '/vector_stores/:vector_store_id/files/:file_id'

export function vectorStoreFileRoutes(server: Server): void {
  const { http, context } = server
  http.post('/vector_stores/:vector_store_id/files', async (request, reply) => {
    const { vector_store_id } = pathIds(request, 'vector_store_id')
    const body = parse(CreateVectorStoreFileRequest, request.body)
    const file = await attachFile(context, { project: request.project, vector_store_id }, body)
    void reply.header('openai-poll-after-ms', ingestPollAfterMs)
    return file
  })

  http.get('/vector_stores/:vector_store_id/files', async (request) => {
    const { vector_store_id } = pathIds(request, 'vector_store_id')
    const { project } = request
    const query = parseQuery(ListVectorStoreFilesQuery, request.query)
    const scope = { project, vector_store_id, status: query.filter }
    return answerPage('file', listStoreFiles(context.db, scope, pageQuery(query)), () =>
      requireVectorStore(context, project, vector_store_id),
    )
  })

  http.get(one, async (request, reply) => {
    const key = fileKey(request)
    const found = await findStoreFile(context.db, key)
    if (!found) throw await missingStoreFile(context, key)
    const { seq: _, ...file } = found
    void reply.header('openai-poll-after-ms', ingestPollAfterMs)
    return file
  })

  http.post(one, async (request) => {
    const key = fileKey(request)
    const { attributes } = parse(ModifyVectorStoreFileRequest, request.body)
    const file = await setAttributes(context.db, key, attributes ?? {})
    if (!file) throw await missingStoreFile(context, key)
    return file
  })

  http.delete(one, async (request): Promise<VectorStoreFileDeleted> => {
    const key = fileKey(request)
    await detachFile(context, key)
    return { id: key.file_id, object: 'vector_store.file.deleted', deleted: true }
  })

  contentRoute(server)
}

/** The whole text as one item, sent as it is read: it may be long. */
function contentRoute({ http, context }: Server): void {
  http.get(`${one}/content`, async (request, reply) => {
    const key = fileKey(request)
    const file = await findStoreFile(context.db, key)
    if (!file) throw await missingStoreFile(context, key)
    const place = { vector_store_id: key.vector_store_id, store_file: file.seq }
    const texts = file.status === 'completed' ? fileText(context.db, place) : undefined
    void reply.type('application/json; charset=utf-8')
    return reply.send(Readable.from(contentPage(texts)))
  })
}

async function* contentPage(texts: AsyncIterable<string> | undefined): AsyncGenerator<string> {
  yield '{"object":"vector_store.file_content.page","data":['
  if (texts) {
    yield '{"type":"text","text":"'
    for await (const text of texts) yield JSON.stringify(text).slice(1, -1)
    yield '"}'
  }
  yield '],"has_more":false,"next_page":null}'
}

function fileKey(request: FastifyRequest): StoreFileKey {
  const { vector_store_id, file_id } = pathIds(request, 'vector_store_id', 'file_id')
  return { project: request.project, vector_store_id, file_id }
}
