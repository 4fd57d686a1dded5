/** /v1/threads */
import { errors } from '../api/errors.ts'
import { parse } from '../api/parse.ts'
import { CreateThreadRequest, ModifyThreadRequest, type ThreadDeleted } from '../api/threads.ts'
import { createThread, modifyThread } from '../domain/create-thread.ts'
import { deleteThread } from '../domain/delete-thread.ts'
import { fetchedThread } from '../domain/run-entries.ts'
import { findThread } from '../store/threads.ts'
import { pathIds } from './params.ts'
import type { Server } from './server.ts'

export function threadRoutes({ http, context }: Server): void {
  http.post('/threads', async (request) =>
    createThread(context, request.project, parse(CreateThreadRequest, request.body)),
  )

  http.get('/threads/:thread_id', async (request) => {
    const { thread_id } = pathIds(request, 'thread_id')
    const thread = await findThread(context.db, request.project, thread_id)
    if (!thread) throw errors.notFound('thread', thread_id)
    return fetchedThread(thread)
  })

  http.post('/threads/:thread_id', async (request) => {
    const { thread_id: id } = pathIds(request, 'thread_id')
    return modifyThread(context, { project: request.project, id }, parse(ModifyThreadRequest, request.body))
  })

  http.delete('/threads/:thread_id', async (request): Promise<ThreadDeleted> => {
    const { thread_id: id } = pathIds(request, 'thread_id')
    await deleteThread(context, request.project, id)
    return { id, object: 'thread.deleted', deleted: true }
  })
}
