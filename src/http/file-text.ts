/** Extensions: the text of files, with pages and headings. */
import { readFileText, readStoreFileText } from '../domain/file-text.ts'
import { route } from './route.ts'
import { hangUpSignal } from './sse.ts'

export const fileTextRoutes = [
  route({
    method: 'GET',
    path: '/v1/files/{file_id}/text',
    id: 'getFileText',
    summary: 'Retrieve the text of a file',
    description: 'By page, slide and heading; up to two million characters.',
    answer: 'FileText',
    isExtension: true,
    handle: ({ context, project, params, reply }) =>
      readFileText(context, { project, ...params }, hangUpSignal(reply)),
  }),
  route({
    method: 'GET',
    path: '/v1/vector_stores/{vector_store_id}/files/{file_id}/text',
    id: 'getVectorStoreFileText',
    summary: 'Retrieve the text of a file of a vector store, with pages and headings',
    description: 'By page, slide and heading; up to two million characters.',
    answer: 'FileText',
    isExtension: true,
    handle: ({ context, project, params }) => readStoreFileText(context, { project, ...params }),
  }),
]
