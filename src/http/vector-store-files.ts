/** /v1/vector_stores/{vector_store_id}/files */
import { Readable } from 'node:stream'
import { ListVectorStoreFilesQuery } from '../api/lists.ts'
import { attachFile, detachFile, modifyStoreFile, readStoreFile } from '../domain/vector-store-files.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { ingestPollAfterMs } from './headers.ts'
import { route } from './route.ts'

const files = '/v1/vector_stores/{vector_store_id}/files' as const
const file = `${files}/{file_id}` as const

export const vectorStoreFileRoutes = [
  route({
    method: 'POST',
    path: files,
    id: 'createVectorStoreFile',
    summary: 'Attach a file to a vector store',
    body: 'CreateVectorStoreFileRequest',
    example: { file_id: 'file-abc123', attributes: { year: 2024 } },
    answer: 'VectorStoreFile',
    pollAfterMs: ingestPollAfterMs,
    handle: ({ context, project, params, body }) => attachFile(context, { project, ...params }, body),
  }),
  route({
    method: 'GET',
    path: files,
    id: 'listVectorStoreFiles',
    summary: 'List the files of a vector store',
    query: ListVectorStoreFilesQuery,
    answer: 'VectorStoreFileList',
    handle: ({ context, project, params, query }) =>
      listObjects.vector_store_files(context, { project, ...params }, query),
  }),
  route({
    method: 'GET',
    path: file,
    id: 'getVectorStoreFile',
    summary: 'Retrieve a file of a vector store with its status',
    answer: 'VectorStoreFile',
    pollAfterMs: ingestPollAfterMs,
    handle: ({ context, project, params }) => findObject.vector_store_file(context, { project, ...params }),
  }),
  route({
    method: 'POST',
    path: file,
    id: 'modifyVectorStoreFile',
    summary: 'Replace the attributes of a file of a vector store',
    body: 'ModifyVectorStoreFileRequest',
    example: { attributes: { year: 2025 } },
    answer: 'VectorStoreFile',
    handle: ({ context, project, params, body }) => modifyStoreFile(context, { project, ...params }, body),
  }),
  route({
    method: 'DELETE',
    path: file,
    id: 'deleteVectorStoreFile',
    summary: 'Remove a file from a vector store',
    answer: 'VectorStoreFileDeleted',
    async handle({ context, project, params }) {
      await detachFile(context, { project, ...params })
      return { id: params.file_id, object: 'vector_store.file.deleted', deleted: true }
    },
  }),
  route({
    method: 'GET',
    path: `${file}/content`,
    id: 'getVectorStoreFileContent',
    summary: 'Retrieve the text that was read from a file',
    answer: 'VectorStoreFileContent',
    async handle({ context, project, params, reply }) {
      const content = await readStoreFile(context, { project, ...params })
      if (!content) return undefined
      void reply.type('application/json; charset=utf-8')
      return reply.send(Readable.from(contentPage(content.text)))
    },
  }),
]

/** The whole text as one item, sent while it is read: it may be long. */
async function* contentPage(text: AsyncIterable<string> | undefined): AsyncGenerator<string> {
  yield '{"object":"vector_store.file_content.page","data":['
  if (text) {
    yield '{"type":"text","text":"'
    for await (const piece of text) yield JSON.stringify(piece).slice(1, -1)
    yield '"}'
  }
  yield '],"has_more":false,"next_page":null}'
}
