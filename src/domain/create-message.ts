/** Adds and removes messages of a thread that no run is working on. */
import { errors } from '../api/errors.ts'
import type { CreateMessageRequest, Message } from '../api/messages.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import { deleteMessage as deleteRow, insertMessages } from '../sql/messages.ts'
import { activeRunId } from '../sql/runs.ts'
import { lockThread, updateThread } from '../sql/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { checkMessageFiles, interpreterFiles, withInterpreterFiles } from './attach-file.ts'
import type { Context } from './context.ts'
import { makeMessages } from './make-messages.ts'
import { carryOut, planForMessages, searchedFiles } from './search-resources.ts'

export async function createMessage(
  context: Context,
  place: { project: string; thread_id: string },
  request: CreateMessageRequest,
): Promise<Message> {
  const { project, thread_id } = place
  const created = await context.db.transaction(async (tx) => {
    await checkMessageFiles(tx, project, [request])
    const brings = interpreterFiles([request]).length > 0 || searchedFiles([request]).length > 0
    const thread = await openThread(tx, place, brings ? 'exclusive' : 'share')
    if (brings) await bringFiles(context, tx, { project, thread, requests: [request] })
    const [message] = makeMessages([request], thread_id, nowSeconds(context.clock))
    if (!message) throw new Error('expected one message')
    await insertMessages(tx, project, [message])
    return message
  })
  if (searchedFiles([request]).length > 0) context.hints.tell({ kind: 'ingest' })
  return created
}

/** What messages attach becomes the thread's: files for code_interpreter and its vector store. Its row is locked. */
export async function bringFiles(
  context: Context,
  tx: Queryable,
  {
    project,
    thread,
    requests,
  }: { project: string; thread: Thread; requests: readonly CreateMessageRequest[] },
): Promise<void> {
  const resources = withInterpreterFiles(thread.tool_resources, interpreterFiles(requests))
  const { plan, tool_resources } = await planForMessages(
    context,
    tx,
    { project, tool_resources: resources },
    requests,
  )
  await carryOut(context, tx, { project, plan })
  if (tool_resources !== thread.tool_resources) await updateThread(tx, { ...thread, tool_resources })
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
