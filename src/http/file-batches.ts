/** /v1/vector_stores/{vector_store_id}/file_batches */
import type { FastifyRequest } from 'fastify'
import { ListVectorStoreFilesQuery } from '../api/lists.ts'
import { parse, parseQuery } from '../api/parse.ts'
import { CreateVectorStoreFileBatchRequest } from '../api/vector-stores.ts'
import { cancelFileBatch } from '../domain/cancel-file-batch.ts'
import { createFileBatch } from '../domain/create-file-batch.ts'
import { findBatch, type BatchKey } from '../sql/file-batches.ts'
import { listStoreFiles } from '../sql/vector-store-files.ts'
import { ingestPollAfterMs } from './headers.ts'
import { missingBatch, requireBatch } from './missing.ts'
import { answerPage, pageQuery } from './pages.ts'
import { pathIds } from './params.ts'
import type { Server } from './server.ts'

const batches = '/vector_stores/:vector_store_id/file_batches'

export function fileBatchRoutes({ http, context }: Server): void {
  http.post(batches, async (request, reply) => {
    const { vector_store_id } = pathIds(request, 'vector_store_id')
    const body = parse(CreateVectorStoreFileBatchRequest, request.body)
    const batch = await createFileBatch(context, { project: request.project, vector_store_id }, body)
    void reply.header('openai-poll-after-ms', ingestPollAfterMs)
    return batch
  })

  http.get(`${batches}/:batch_id`, async (request, reply) => {
    const key = batchKey(request)
    const batch = await findBatch(context.db, key)
    if (!batch) throw await missingBatch(context, key)
    void reply.header('openai-poll-after-ms', ingestPollAfterMs)
    return batch
  })

  http.post(`${batches}/:batch_id/cancel`, async (request, reply) => {
    void reply.header('openai-poll-after-ms', ingestPollAfterMs)
    return cancelFileBatch(context, batchKey(request))
  })

  http.get(`${batches}/:batch_id/files`, async (request) => {
    const key = batchKey(request)
    const { project, vector_store_id, id: batch_id } = key
    const query = parseQuery(ListVectorStoreFilesQuery, request.query)
    const scope = { project, vector_store_id, batch_id, status: query.filter }
    return answerPage('file', listStoreFiles(context.db, scope, pageQuery(query)), () =>
      requireBatch(context, key),
    )
  })
}

function batchKey(request: FastifyRequest): BatchKey {
  const { vector_store_id, batch_id: id } = pathIds(request, 'vector_store_id', 'batch_id')
  return { project: request.project, vector_store_id, id }
}
