/** What the API's description says of files, uploads, models, and of the server itself. */
import { ListFilesQuery } from '../api/lists.ts'
import { operation, type Operation } from './openapi-operation.ts'

const files: Operation[] = [
  operation('post /v1/files', 'createFile', 'Stores a file', {
    tag: 'Files',
    form: { fields: 'CreateFileRequest', file: 'file' },
    answer: 'File',
  }),
  operation('get /v1/files', 'listFiles', 'Lists the files of the project', {
    tag: 'Files',
    query: ListFilesQuery,
    answer: 'FileList',
  }),
  operation('get /v1/files/{file_id}', 'getFile', 'Shows what is known of a file', {
    tag: 'Files',
    answer: 'File',
  }),
  operation('get /v1/files/{file_id}/content', 'getFileContent', "Sends a file's bytes", {
    tag: 'Files',
    description:
      'Files that a client uploaded for assistants are not given out again, unless the server is set to.',
    media: ['application/octet-stream', 'image/*'],
  }),
  operation('delete /v1/files/{file_id}', 'deleteFile', 'Deletes a file', {
    tag: 'Files',
    answer: 'FileDeleted',
  }),
]

const uploads: Operation[] = [
  operation('post /v1/uploads', 'createUpload', 'Announces a file that will come in parts', {
    tag: 'Uploads',
    body: 'CreateUploadRequest',
    answer: 'Upload',
  }),
  operation('post /v1/uploads/{upload_id}/parts', 'addUploadPart', 'Sends a part of an upload', {
    tag: 'Uploads',
    form: { file: 'data' },
    answer: 'UploadPart',
  }),
  operation('post /v1/uploads/{upload_id}/complete', 'completeUpload', 'Joins the parts to a file', {
    tag: 'Uploads',
    body: 'CompleteUploadRequest',
    answer: 'Upload',
  }),
  operation('post /v1/uploads/{upload_id}/cancel', 'cancelUpload', 'Gives up an upload', {
    tag: 'Uploads',
    answer: 'Upload',
  }),
]

const models: Operation[] = [
  operation('get /v1/models', 'listModels', 'Lists the models that can be named', {
    tag: 'Models',
    answer: 'ModelList',
  }),
  operation('get /v1/models/{model}', 'getModel', 'Shows a model', { tag: 'Models', answer: 'Model' }),
  operation('delete /v1/models/{model}', 'deleteModel', 'Refuses to delete a model', {
    tag: 'Models',
    description: 'No model belongs to the server; the answer is always an error.',
  }),
  operation('post /v1/embeddings', 'createEmbeddings', 'Passes texts to the provider for embedding', {
    tag: 'Models',
    body: 'EmbeddingsRequest',
    answer: 'EmbeddingList',
  }),
  operation('post /v1/chat/completions', 'createChatCompletion', 'Passes a chat to the provider', {
    tag: 'Models',
    description: "Request and answer are the provider's own, streamed or not.",
    body: 'ChatCompletionsRequest',
    media: ['application/json', 'text/event-stream'],
  }),
]

const server: Operation[] = [
  operation('get /healthz', 'getHealth', 'Says that the process is up', { tag: 'Server', answer: 'Health' }),
  operation('get /readyz', 'getReadiness', 'Says how database, model and sandbox are', {
    tag: 'Server',
    description: 'Answered with 503 while requests cannot be served.',
    answer: 'Readiness',
  }),
  operation('get /openapi.json', 'getDescription', 'Sends this description', {
    tag: 'Server',
    media: ['application/json'],
  }),
  operation('get /docs', 'getReference', 'Shows this description as a page', {
    tag: 'Server',
    media: ['text/html'],
  }),
  operation('get /docs/{file}', 'getReferenceFile', 'Sends a file that the page is made of', {
    tag: 'Server',
    media: ['text/css', 'text/javascript'],
  }),
]

export const fileOperations: readonly Operation[] = [...files, ...uploads, ...models, ...server]
