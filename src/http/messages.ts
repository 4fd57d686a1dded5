/** /v1/threads/{thread_id}/messages */
import { ListMessagesQuery } from '../api/lists.ts'
import { createMessage, deleteMessage, modifyMessage } from '../domain/messages.ts'
import { findObject } from '../domain/find-object.ts'
import { listObjects } from '../domain/list-objects.ts'
import { route } from './route.ts'

export const messageRoutes = [
  route({
    method: 'POST',
    path: '/v1/threads/{thread_id}/messages',
    id: 'createMessage',
    summary: 'Add a message to a thread',
    description: 'Refused while a run of the thread is active.',
    body: 'CreateMessageRequest',
    example: { role: 'user', content: 'Hello!' },
    answer: 'Message',
    handle: ({ context, project, params, body }) => createMessage(context, { project, ...params }, body),
  }),
  route({
    method: 'GET',
    path: '/v1/threads/{thread_id}/messages',
    id: 'listMessages',
    summary: 'List the messages of a thread',
    query: ListMessagesQuery,
    answer: 'MessageList',
    handle: ({ context, project, params, query }) =>
      listObjects.messages(context, { project, ...params }, query),
  }),
  route({
    method: 'GET',
    path: '/v1/threads/{thread_id}/messages/{message_id}',
    id: 'getMessage',
    summary: 'Retrieve a message',
    answer: 'Message',
    handle: ({ context, project, params }) => findObject.message(context, { project, ...params }),
  }),
  route({
    method: 'POST',
    path: '/v1/threads/{thread_id}/messages/{message_id}',
    id: 'modifyMessage',
    summary: 'Modify the metadata of a message',
    body: 'ModifyMessageRequest',
    example: { metadata: { language: 'en' } },
    answer: 'Message',
    handle: ({ context, project, params, body }) => modifyMessage(context, { project, ...params }, body),
  }),
  route({
    method: 'DELETE',
    path: '/v1/threads/{thread_id}/messages/{message_id}',
    id: 'deleteMessage',
    summary: 'Delete a message',
    description: 'Refused while a run of the thread is active.',
    answer: 'MessageDeleted',
    async handle({ context, project, params: { thread_id, message_id: id } }) {
      await deleteMessage(context, { project, thread_id, id })
      return { id, object: 'thread.message.deleted', deleted: true }
    },
  }),
]
