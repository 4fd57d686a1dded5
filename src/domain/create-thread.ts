/** Threads without a run: made and modified. */
import { errors } from '../api/errors.ts'
import type { CreateThreadRequest, ModifyThreadRequest, Thread } from '../api/threads.ts'
import { insertMessages } from '../sql/messages.ts'
import { insertThread, lockThread, updateThread } from '../sql/threads.ts'
import { checkMessageFiles, checkResourceFiles } from './attach-file.ts'
import type { Context } from './context.ts'
import { makeMessages } from './make-messages.ts'
import { makeThread, namedResources } from './make-thread.ts'
import { addsFiles, carryOut, checkNamed } from './search-resources.ts'

export async function createThread(
  context: Context,
  project: string,
  request: CreateThreadRequest,
): Promise<Thread> {
  const { thread, plan } = makeThread(context, request)
  const messages = makeMessages(request.messages ?? [], thread.id, thread.created_at)
  await context.db.transaction(async (tx) => {
    await checkResourceFiles(tx, project, request.tool_resources)
    await checkMessageFiles(tx, project, request.messages, 'messages')
    await carryOut(context, tx, { project, plan })
    await insertThread(tx, project, thread)
    await insertMessages(tx, project, messages)
  })
  if (addsFiles(plan)) context.hints.tell({ kind: 'ingest' })
  return thread
}

/** Also while a run is active: only messages and runs are locked. */
export async function modifyThread(
  context: Context,
  key: { project: string; id: string },
  request: ModifyThreadRequest,
): Promise<Thread> {
  return context.db.transaction(async (tx) => {
    await checkResourceFiles(tx, key.project, request.tool_resources)
    const before = await lockThread(tx, key.project, key.id, 'exclusive')
    if (!before) throw errors.notFound('thread', key.id)
    const { metadata, tool_resources } = request
    const ids = tool_resources?.file_search?.vector_store_ids ?? []
    await checkNamed(context, tx, { project: key.project, ids })
    const thread: Thread = {
      ...before,
      metadata: metadata === undefined ? before.metadata : (metadata ?? {}),
      tool_resources:
        tool_resources === null ? {} : { ...before.tool_resources, ...namedResources(tool_resources) },
    }
    await updateThread(tx, thread)
    return thread
  })
}
