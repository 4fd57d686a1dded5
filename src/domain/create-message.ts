/** Adds a message to a thread that no run is working on. */
import type { CreateMessageRequest, Message } from '../api/messages.ts'
import { insertMessages } from '../sql/messages.ts'
import { nowSeconds } from '../util/clock.ts'
import { attachToThread, lockFiles } from './apply-plan.ts'
import type { Context } from './context.ts'
import { lockIdleThread } from './lock-idle-thread.ts'
import { makeMessages } from './make-messages.ts'
import { planForMessages } from './resource-plan.ts'

export async function createMessage(
  context: Context,
  place: { project: string; thread_id: string },
  request: CreateMessageRequest,
): Promise<Message> {
  const { project, thread_id } = place
  const messages = [request]
  const plan = planForMessages(messages)
  const changesThread = (request.attachments ?? []).length > 0
  const [message] = makeMessages(messages, thread_id, nowSeconds(context.clock))
  if (!message) throw new Error('expected one message')
  await context.db.transaction(async (tx) => {
    await lockFiles(context, tx, { project, plan })
    const thread = await lockIdleThread(tx, place, changesThread ? 'exclusive' : 'share')
    if (changesThread) await attachToThread(context, tx, { project, thread, messages })
    await insertMessages(tx, project, [message])
  })
  if (plan.searched.length > 0) context.hints.send({ kind: 'ingest' })
  return message
}
