/** What the API's description says of vector stores, their files and batches. */
import { ListVectorStoreFilesQuery, ListVectorStoresQuery } from '../api/lists.ts'
import { operation, type Operation } from './openapi-operation.ts'

export const vectorStoreOperations: readonly Operation[] = [
  operation('post /v1/vector_stores', 'createVectorStore', 'Makes a vector store, with files or empty', {
    tag: 'Vector stores',
    body: 'CreateVectorStoreRequest',
    answer: 'VectorStore',
  }),
  operation('get /v1/vector_stores', 'listVectorStores', 'Lists the vector stores of the project', {
    tag: 'Vector stores',
    query: ListVectorStoresQuery,
    answer: 'VectorStoreList',
  }),
  operation('get /v1/vector_stores/{vector_store_id}', 'getVectorStore', 'Shows a vector store', {
    tag: 'Vector stores',
    answer: 'VectorStore',
  }),
  operation(
    'post /v1/vector_stores/{vector_store_id}',
    'modifyVectorStore',
    'Changes name, expiry or metadata of a store',
    { tag: 'Vector stores', body: 'ModifyVectorStoreRequest', answer: 'VectorStore' },
  ),
  operation(
    'delete /v1/vector_stores/{vector_store_id}',
    'deleteVectorStore',
    'Deletes a vector store, not its files',
    { tag: 'Vector stores', answer: 'VectorStoreDeleted' },
  ),
  operation(
    'post /v1/vector_stores/{vector_store_id}/search',
    'searchVectorStore',
    'Finds passages in a vector store',
    { tag: 'Vector stores', body: 'VectorStoreSearchRequest', answer: 'VectorStoreSearchPage' },
  ),
  operation(
    'post /v1/vector_stores/{vector_store_id}/files',
    'createVectorStoreFile',
    'Attaches a file to a vector store',
    { tag: 'Vector stores', body: 'CreateVectorStoreFileRequest', answer: 'VectorStoreFile' },
  ),
  operation(
    'get /v1/vector_stores/{vector_store_id}/files',
    'listVectorStoreFiles',
    'Lists the files of a vector store',
    { tag: 'Vector stores', query: ListVectorStoreFilesQuery, answer: 'VectorStoreFileList' },
  ),
  operation(
    'get /v1/vector_stores/{vector_store_id}/files/{file_id}',
    'getVectorStoreFile',
    'Shows how far a file of a store is',
    { tag: 'Vector stores', answer: 'VectorStoreFile' },
  ),
  operation(
    'post /v1/vector_stores/{vector_store_id}/files/{file_id}',
    'modifyVectorStoreFile',
    'Replaces the attributes of a file',
    { tag: 'Vector stores', body: 'ModifyVectorStoreFileRequest', answer: 'VectorStoreFile' },
  ),
  operation(
    'delete /v1/vector_stores/{vector_store_id}/files/{file_id}',
    'deleteVectorStoreFile',
    'Takes a file out of a vector store',
    { tag: 'Vector stores', answer: 'VectorStoreFileDeleted' },
  ),
  operation(
    'get /v1/vector_stores/{vector_store_id}/files/{file_id}/content',
    'getVectorStoreFileContent',
    'Sends the text that was read from a file',
    { tag: 'Vector stores', answer: 'VectorStoreFileContent' },
  ),
  operation(
    'post /v1/vector_stores/{vector_store_id}/file_batches',
    'createVectorStoreFileBatch',
    'Attaches many files to a vector store',
    { tag: 'Vector stores', body: 'CreateVectorStoreFileBatchRequest', answer: 'VectorStoreFileBatch' },
  ),
  operation(
    'get /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}',
    'getVectorStoreFileBatch',
    'Shows how far a batch of files is',
    { tag: 'Vector stores', answer: 'VectorStoreFileBatch' },
  ),
  operation(
    'post /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel',
    'cancelVectorStoreFileBatch',
    'Stops bringing in what a batch has left',
    { tag: 'Vector stores', answer: 'VectorStoreFileBatch' },
  ),
  operation(
    'get /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files',
    'listVectorStoreFileBatchFiles',
    'Lists the files of a batch',
    { tag: 'Vector stores', query: ListVectorStoreFilesQuery, answer: 'VectorStoreFileList' },
  ),
]
