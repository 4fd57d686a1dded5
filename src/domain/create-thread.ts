/** Creates a thread without a run. */
import type { CreateThreadRequest, Thread } from '../api/threads.ts'
import { insertMessages } from '../sql/messages.ts'
import { insertThread } from '../sql/threads.ts'
import { applyPlan } from './apply-plan.ts'
import type { Context } from './context.ts'
import { makeMessages } from './make-messages.ts'
import { makeThread } from './make-thread.ts'
import { fillsStores } from './resource-plan.ts'

export async function createThread(
  context: Context,
  project: string,
  request: CreateThreadRequest,
): Promise<Thread> {
  const { thread, plan } = makeThread(context, request, 'messages')
  const messages = makeMessages(request.messages ?? [], thread.id, thread.created_at)
  await context.db.transaction(async (tx) => {
    await applyPlan(context, tx, { project, plan })
    await insertThread(tx, project, thread)
    await insertMessages(tx, project, messages)
  })
  if (fillsStores(plan)) context.hints.send({ kind: 'ingest' })
  return thread
}
