/** /v1/vector_stores */
import { ListVectorStoresQuery } from '../api/lists.ts'
import { SearchQuery } from '../api/vector-stores.ts'
import { createVectorStore, deleteVectorStore, modifyVectorStore } from '../domain/vector-stores.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { searchVectorStore } from '../domain/search-vector-store.ts'
import { leftOutHeader } from './headers.ts'
import { route } from './route.ts'
import { hangUpSignal } from './sse.ts'

const store = '/v1/vector_stores/{vector_store_id}' as const

export const vectorStoreRoutes = [
  route({
    method: 'POST',
    path: '/v1/vector_stores',
    id: 'createVectorStore',
    summary: 'Create a vector store, optionally with files',
    body: 'CreateVectorStoreRequest',
    example: { name: 'Manuals', expires_after: { anchor: 'last_active_at', days: 7 } },
    answer: 'VectorStore',
    handle: ({ context, project, body }) => createVectorStore(context, project, body),
  }),
  route({
    method: 'GET',
    path: '/v1/vector_stores',
    id: 'listVectorStores',
    summary: 'List the vector stores of the project',
    query: ListVectorStoresQuery,
    answer: 'VectorStoreList',
    handle: ({ context, project, query }) => listObjects.vector_stores(context, project, query),
  }),
  route({
    method: 'GET',
    path: store,
    id: 'getVectorStore',
    summary: 'Retrieve a vector store',
    answer: 'VectorStore',
    handle: ({ context, project, params }) => findObject.vector_store(context, { project, ...params }),
  }),
  route({
    method: 'POST',
    path: store,
    id: 'modifyVectorStore',
    summary: 'Modify the name, expiry or metadata of a vector store',
    body: 'ModifyVectorStoreRequest',
    example: { name: 'Manuals' },
    answer: 'VectorStore',
    handle: ({ context, project, params, body }) =>
      modifyVectorStore(context, { project, id: params.vector_store_id }, body),
  }),
  route({
    method: 'DELETE',
    path: store,
    id: 'deleteVectorStore',
    summary: 'Delete a vector store; its files remain',
    answer: 'VectorStoreDeleted',
    async handle({ context, project, params: { vector_store_id: id } }) {
      await deleteVectorStore(context, { project, id })
      return { id, object: 'vector_store.deleted', deleted: true }
    },
  }),
  route({
    method: 'POST',
    path: `${store}/search`,
    id: 'searchVectorStore',
    summary: 'Search a vector store',
    query: SearchQuery,
    body: 'VectorStoreSearchRequest',
    example: { query: 'How long is the warranty?', max_num_results: 5 },
    answer: 'VectorStoreSearchPage',
    async handle({ context, project, params, body, query: { include }, reply }) {
      const store = { project, ...params, withScores: include.length > 0 }
      const found = await searchVectorStore(context, store, body, hangUpSignal(reply))
      if (found && found.missing > 0) void reply.header(leftOutHeader, found.missing)
      return found?.page
    },
  }),
]
