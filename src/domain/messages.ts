/** Messages. They are added and deleted only while no run of their thread is active. */
import { errors } from '../api/errors.ts'
import type {
  CreateMessageRequest,
  Message,
  ModifyMessageRequest,
  MessageContentPart,
} from '../api/messages.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import { createOnce, repeatedAfterCut, transactionOnce } from '../database/retry.ts'
import {
  insertMessages,
  findMessage,
  updateMessageMetadata,
  deleteMessage as deleteRow,
} from '../sql/messages.ts'
import { activeRunId } from '../sql/runs.ts'
import { lockThread } from '../sql/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { attachToThread, lockFiles } from './apply-plan.ts'
import type { Context } from './context.ts'
import type { FillContext } from './fill-vector-store.ts'
import { planForMessages } from './resource-plan.ts'

/** Adds a message to a thread. Throws while a run is active on it. */
export async function createMessage(
  context: FillContext,
  key: { project: string; thread_id: string },
  request: CreateMessageRequest,
): Promise<Message> {
  const { project, thread_id } = key
  const messages = [request]
  const plan = planForMessages(messages)
  const changesThread = (request.attachments ?? []).length > 0
  const message = makeMessage(request, thread_id, nowSeconds(context.clock))
  const create = () =>
    context.db.transaction(async (tx) => {
      await lockFiles(context, tx, { project, plan })
      const thread = await lockIdleThread(tx, key, changesThread ? 'exclusive' : 'share')
      if (changesThread) await attachToThread(context, tx, { project, thread, messages })
      await insertMessages(tx, project, [message])
      return message
    })
  await createOnce(create, () => findMessage(context.db, { ...key, id: message.id }))
  if (plan.attachedForSearch.length > 0) context.hints.send({ kind: 'ingest' })
  return message
}

/** Replaces the metadata of a message. Returns undefined when there is no such message. */
export function modifyMessage(
  { db }: Pick<Context, 'db'>,
  { project, thread_id, message_id: id }: { project: string; thread_id: string; message_id: string },
  { metadata }: ModifyMessageRequest,
): Promise<Message | undefined> {
  const key = { project, thread_id, id }
  if (metadata === undefined) return findMessage(db, key)
  return repeatedAfterCut(() => updateMessageMetadata(db, key, metadata ?? {}))
}

/** Deletes a message. Throws while a run is active on its thread. */
export async function deleteMessage(
  { db }: Pick<Context, 'db'>,
  key: { project: string; thread_id: string; id: string },
): Promise<void> {
  await transactionOnce(db, async (tx) => {
    await lockIdleThread(tx, key, 'share')
    if (!(await deleteRow(tx, key))) throw errors.notFound('message', key.id)
  })
}

/** The messages of requests that have been checked, in order. */
export function makeMessages(
  requests: readonly CreateMessageRequest[],
  thread_id: string,
  now: number,
): Message[] {
  return requests.map((request) => makeMessage(request, thread_id, now))
}

function makeMessage(request: CreateMessageRequest, thread_id: string, now: number): Message {
  return {
    id: newId('message'),
    object: 'thread.message',
    created_at: now,
    assistant_id: null,
    thread_id,
    run_id: null,
    status: 'completed',
    incomplete_details: null,
    incomplete_at: null,
    completed_at: now,
    role: request.role,
    content: makeContent(request.content),
    attachments: request.attachments ?? [],
    metadata: request.metadata ?? {},
  }
}

function makeContent(content: CreateMessageRequest['content']): MessageContentPart[] {
  if (typeof content === 'string') return [textPart(content)]
  return content.map((part) => (part.type === 'text' ? textPart(part.text) : part))
}

function textPart(value: string): MessageContentPart {
  return { type: 'text', text: { value, annotations: [] } }
}

/** Prevents new runs on the thread until the transaction ends. Throws when a run is active. */
async function lockIdleThread(
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
