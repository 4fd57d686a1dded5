/** /v1/threads/{thread_id}/messages */
import type { FastifyRequest } from 'fastify'
import { errors } from '../api/errors.ts'
import { ListMessagesQuery } from '../api/lists.ts'
import { CreateMessageRequest, ModifyMessageRequest, type MessageDeleted } from '../api/messages.ts'
import { parse, parseQuery } from '../api/parse.ts'
import { createMessage } from '../domain/create-message.ts'
import { deleteMessage } from '../domain/delete-message.ts'
import { findMessage, listMessages, updateMessageMetadata } from '../sql/messages.ts'
import { requireThread } from './missing.ts'
import { answerPage, pageQuery } from './pages.ts'
import { pathIds } from './params.ts'
import type { Server } from './server.ts'

export function messageRoutes({ http, context }: Server): void {
  const { db } = context

  http.post('/threads/:thread_id/messages', async (request) => {
    const { thread_id } = pathIds(request, 'thread_id')
    const body = parse(CreateMessageRequest, request.body)
    return createMessage(context, { project: request.project, thread_id }, body)
  })

  http.get('/threads/:thread_id/messages', async (request) => {
    const { thread_id } = pathIds(request, 'thread_id')
    const { project } = request
    const query = parseQuery(ListMessagesQuery, request.query)
    const scope = { project, thread_id, ...(query.run_id !== undefined && { run_id: query.run_id }) }
    return answerPage('message', listMessages(db, scope, pageQuery(query)), () =>
      requireThread(context, project, thread_id),
    )
  })

  http.get('/threads/:thread_id/messages/:message_id', async (request) => {
    const key = messageKey(request)
    const message = await findMessage(db, key)
    if (message) return message
    await requireThread(context, key.project, key.thread_id)
    throw errors.notFound('message', key.id)
  })

  http.post('/threads/:thread_id/messages/:message_id', async (request) => {
    const key = messageKey(request)
    const { metadata } = parse(ModifyMessageRequest, request.body)
    const found =
      metadata === undefined ? findMessage(db, key) : updateMessageMetadata(db, key, metadata ?? {})
    const message = await found
    if (message) return message
    await requireThread(context, key.project, key.thread_id)
    throw errors.notFound('message', key.id)
  })

  http.delete('/threads/:thread_id/messages/:message_id', async (request): Promise<MessageDeleted> => {
    const key = messageKey(request)
    await deleteMessage(context, key)
    return { id: key.id, object: 'thread.message.deleted', deleted: true }
  })
}

function messageKey(request: FastifyRequest) {
  const { thread_id, message_id: id } = pathIds(request, 'thread_id', 'message_id')
  return { project: request.project, thread_id, id }
}
