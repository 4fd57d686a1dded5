/** Adds and removes messages of a thread that no run is working on. */
import { errors } from '../api/errors.ts'
import type { CreateMessageRequest, Message } from '../api/messages.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../store/database.ts'
import { deleteMessage as deleteRow, insertMessages } from '../store/messages.ts'
import { activeRunId } from '../store/runs.ts'
import { lockThread } from '../store/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { attachFiles, checkMessageFiles, interpreterFiles } from './attach-file.ts'
import type { Context } from './context.ts'
import { makeMessages } from './make-messages.ts'
import { refuseUnbuiltMessage } from './not-yet.ts'

export async function createMessage(
  context: Context,
  place: { project: string; thread_id: string },
  request: CreateMessageRequest,
): Promise<Message> {
  refuseUnbuiltMessage(request)
  const { project, thread_id } = place
  return context.db.transaction(async (tx) => {
    await checkMessageFiles(tx, project, [request])
    const file_ids = interpreterFiles([request])
    const thread = await openThread(tx, place, file_ids.length > 0 ? 'exclusive' : 'share')
    await attachFiles(tx, thread, file_ids)
    const [message] = makeMessages([request], thread_id, nowSeconds(context.clock))
    if (!message) throw new Error('expected one message')
    await insertMessages(tx, project, [message])
    return message
  })
}

export async function deleteMessage(
  context: Context,
  key: { project: string; thread_id: string; id: string },
): Promise<void> {
  await context.db.transaction(async (tx) => {
    await openThread(tx, key, 'share')
    if (!(await deleteRow(tx, key))) throw errors.notFound('message', key.id)
  })
}

/** Holds off run creation until the transaction ends, and refuses when a run is active. */
async function openThread(
  tx: Queryable,
  { project, thread_id }: { project: string; thread_id: string },
  strength: 'share' | 'exclusive',
): Promise<Thread> {
  const thread = await lockThread(tx, project, thread_id, strength)
  if (!thread) throw errors.notFound('thread', thread_id)
  const run_id = await activeRunId(tx, thread_id)
  if (run_id) throw errors.threadLocked(thread_id, run_id)
  return thread
}
