/** /v1/threads */
import { errors } from '../api/errors.ts'
import { ListThreadsQuery } from '../api/lists.ts'
import { parse, parseQuery } from '../api/parse.ts'
import {
  CreateThreadRequest,
  ForkThreadRequest,
  ModifyThreadRequest,
  type ThreadDeleted,
} from '../api/threads.ts'
import { createThread } from '../domain/create-thread.ts'
import { deleteThread } from '../domain/delete-thread.ts'
import { forkThread } from '../domain/fork-thread.ts'
import { modifyThread } from '../domain/modify-thread.ts'
import { fetchedThread } from '../domain/run-entries.ts'
import { findThread, listThreads } from '../sql/threads.ts'
import { answerPage, pageQuery } from './pages.ts'
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

  // The two below are beyond the original API.
  http.get('/threads', async (request) => {
    const query = pageQuery(parseQuery(ListThreadsQuery, request.query))
    return answerPage('thread', listThreads(context.db, request.project, query))
  })

  http.post('/threads/:thread_id/fork', async (request) => {
    const { thread_id: id } = pathIds(request, 'thread_id')
    return forkThread(context, { project: request.project, id }, parse(ForkThreadRequest, request.body))
  })
}
