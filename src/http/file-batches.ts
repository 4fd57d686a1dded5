/** /v1/vector_stores/{vector_store_id}/file_batches */
import { ListVectorStoreFilesQuery } from '../api/lists.ts'
import { cancelFileBatch, createFileBatch } from '../domain/file-batches.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { ingestPollAfterMs } from './headers.ts'
import { route } from './route.ts'

const batches = '/v1/vector_stores/{vector_store_id}/file_batches' as const

export const fileBatchRoutes = [
  route({
    method: 'POST',
    path: batches,
    id: 'createVectorStoreFileBatch',
    summary: 'Attach several files to a vector store',
    body: 'CreateVectorStoreFileBatchRequest',
    example: { file_ids: ['file-abc123'] },
    answer: 'VectorStoreFileBatch',
    pollAfterMs: ingestPollAfterMs,
    handle: ({ context, project, params, body }) => createFileBatch(context, { project, ...params }, body),
  }),
  route({
    method: 'GET',
    path: `${batches}/{batch_id}`,
    id: 'getVectorStoreFileBatch',
    summary: 'Retrieve a batch of files with its status',
    answer: 'VectorStoreFileBatch',
    pollAfterMs: ingestPollAfterMs,
    handle: ({ context, project, params }) => findObject.file_batch(context, { project, ...params }),
  }),
  route({
    method: 'POST',
    path: `${batches}/{batch_id}/cancel`,
    id: 'cancelVectorStoreFileBatch',
    summary: 'Cancel the ingest of the unfinished files of a batch',
    answer: 'VectorStoreFileBatch',
    pollAfterMs: ingestPollAfterMs,
    handle: ({ context, project, params: { vector_store_id, batch_id: id } }) =>
      cancelFileBatch(context, { project, vector_store_id, id }),
  }),
  route({
    method: 'GET',
    path: `${batches}/{batch_id}/files`,
    id: 'listVectorStoreFileBatchFiles',
    summary: 'List the files of a batch',
    query: ListVectorStoreFilesQuery,
    answer: 'VectorStoreFileList',
    handle: ({ context, project, params, query }) =>
      listObjects.vector_store_files(context, { project, ...params }, query),
  }),
]
