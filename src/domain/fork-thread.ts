/** Copies a thread, so that a conversation can continue in two ways. Not part of the original API. */
import { errors } from '../api/errors.ts'
import type { ForkThreadRequest, Thread } from '../api/threads.ts'
import type { ToolResources } from '../api/tool-resources.ts'
import type { Queryable } from '../database/database.ts'
import { shareFiles } from '../sql/files.ts'
import { findMessage, insertMessages, messagesAfter } from '../sql/messages.ts'
import { insertThread, lockThread } from '../sql/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import type { Context } from './context.ts'

const pageSize = 500

/**
 * The new thread has the same resources, and copies of the messages up to `last_message_id`, or of all messages. A
 * message that a run is still writing is not copied. Runs are not copied.
 */
export async function forkThread(
  context: Pick<Context, 'clock' | 'db'>,
  key: { project: string; id: string },
  request: ForkThreadRequest,
): Promise<Thread> {
  return context.db.transaction(async (tx) => {
    const { project, id: thread_id } = key
    const source = await lockThread(tx, project, thread_id, 'share')
    if (!source) throw errors.notFound('thread', thread_id)
    const last = request.last_message_id
    if (last && !(await findMessage(tx, { project, thread_id, id: last })))
      throw errors.notFound('message', last)
    const fork: Thread = {
      ...source,
      id: newId('thread'),
      created_at: nowSeconds(context.clock),
      metadata: request.metadata === undefined ? source.metadata : (request.metadata ?? {}),
      tool_resources: await copyResources(tx, project, source.tool_resources),
    }
    await insertThread(tx, project, fork)
    await copyMessages(tx, { project, from: thread_id, to: fork.id, last })
    return fork
  })
}

/** The resources without deleted files. The thread is locked, so a file that is being deleted is left out too. */
async function copyResources(
  tx: Queryable,
  project: string,
  resources: ToolResources,
): Promise<ToolResources> {
  const { code_interpreter } = resources
  if (!code_interpreter) return resources
  const files = await shareFiles(tx, project, code_interpreter.file_ids, { deleting: 'gone' })
  const file_ids = code_interpreter.file_ids.filter((id) => files.has(id))
  return { ...resources, code_interpreter: { file_ids } }
}

async function copyMessages(
  tx: Queryable,
  copy: { project: string; from: string; to: string; last: string | undefined },
): Promise<void> {
  let seq = 0
  for (;;) {
    const page = await messagesAfter(tx, copy.from, { seq, limit: pageSize })
    const end = page.findIndex((message) => message.id === copy.last)
    const copied = end === -1 ? page : page.slice(0, end + 1)
    const copies = copied
      .filter((message) => message.status !== 'in_progress')
      .map(({ seq: _, ...message }) => ({
        ...message,
        id: newId('message'),
        thread_id: copy.to,
        run_id: null,
      }))
    await insertMessages(tx, copy.project, copies)
    const lastOfPage = page.at(-1)
    if (end !== -1 || !lastOfPage || page.length < pageSize) return
    seq = lastOfPage.seq
  }
}
