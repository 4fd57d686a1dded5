/** /v1/threads */
import { ListThreadsQuery } from '../api/lists.ts'
import { createThread, modifyThread, deleteThread, forkThread } from '../domain/threads.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { route } from './route.ts'

export const threadRoutes = [
  route({
    method: 'POST',
    path: '/v1/threads',
    id: 'createThread',
    summary: 'Create a thread, optionally with messages',
    body: 'CreateThreadRequest',
    example: { messages: [{ role: 'user', content: 'Hello!' }] },
    answer: 'Thread',
    handle: ({ context, project, body }) => createThread(context, project, body),
  }),
  route({
    method: 'GET',
    path: '/v1/threads',
    id: 'listThreads',
    summary: 'List the threads of the project',
    query: ListThreadsQuery,
    answer: 'ThreadList',
    isExtension: true,
    handle: ({ context, project, query }) => listObjects.threads(context, project, query),
  }),
  route({
    method: 'GET',
    path: '/v1/threads/{thread_id}',
    id: 'getThread',
    summary: 'Retrieve a thread',
    answer: 'Thread',
    handle: ({ context, project, params }) => findObject.thread(context, { project, ...params }),
  }),
  route({
    method: 'POST',
    path: '/v1/threads/{thread_id}',
    id: 'modifyThread',
    summary: 'Modify the metadata or the tool resources of a thread',
    body: 'ModifyThreadRequest',
    example: { metadata: { topic: 'greetings' } },
    answer: 'Thread',
    handle: ({ context, project, params, body }) =>
      modifyThread(context, { project, id: params.thread_id }, body),
  }),
  route({
    method: 'DELETE',
    path: '/v1/threads/{thread_id}',
    id: 'deleteThread',
    summary: 'Delete a thread with its messages and runs',
    answer: 'ThreadDeleted',
    async handle({ context, project, params: { thread_id: id } }) {
      await deleteThread(context, project, id)
      return { id, object: 'thread.deleted', deleted: true }
    },
  }),
  route({
    method: 'POST',
    path: '/v1/threads/{thread_id}/fork',
    id: 'forkThread',
    summary: 'Copy a thread with its messages',
    description: 'With `last_message_id`, later messages are not copied.',
    body: 'ForkThreadRequest',
    example: { metadata: { topic: 'a copy' } },
    answer: 'Thread',
    isExtension: true,
    handle: ({ context, project, params, body }) =>
      forkThread(context, { project, id: params.thread_id }, body),
  }),
]
