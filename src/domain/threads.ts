/** Threads: their creation, changes, deletion and copies. */
import { errors } from '../api/errors.ts'
import type { CreateThreadRequest, Thread, ModifyThreadRequest, ForkThreadRequest } from '../api/threads.ts'
import type { ToolResources } from '../api/tool-resources.ts'
import type { Queryable } from '../database/database.ts'
import { createOnce, transactionOnce } from '../database/retry.ts'
import type { Hint } from '../runs/hints.ts'
import { lockFilesShared } from '../sql/files.ts'
import { insertMessages, findMessage, messagesAfter } from '../sql/messages.ts'
import { activeRunId } from '../sql/runs.ts'
import {
  findThread,
  insertThread,
  lockThread,
  updateThread,
  deleteThread as deleteRows,
} from '../sql/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { applyPlan, checkStores, lockFiles } from './apply-plan.ts'
import type { Context } from './context.ts'
import type { FillContext } from './fill-vector-store.ts'
import { makeMessages } from './messages.ts'
import {
  fillsStores,
  namedResources,
  planForNames,
  planForThread,
  type ResourcePlan,
} from './resource-plan.ts'

/** Creates a thread without a run. */
export async function createThread(
  context: FillContext,
  project: string,
  request: CreateThreadRequest,
): Promise<Thread> {
  const { thread, plan } = makeThread(context, request, 'messages')
  const messages = makeMessages(request.messages ?? [], thread.id, thread.created_at)
  const create = () =>
    context.db.transaction(async (tx) => {
      await applyPlan(context, tx, { project, plan })
      await insertThread(tx, project, thread)
      await insertMessages(tx, project, messages)
      return thread
    })
  await createOnce(create, () => findThread(context.db, project, thread.id))
  if (fillsStores(plan)) context.hints.send({ kind: 'ingest' })
  return thread
}

/** Allowed while a run is active: a run only prevents new messages and other runs. */
export async function modifyThread(
  context: Pick<Context, 'db' | 'clock' | 'retrieval'>,
  { project, id }: { project: string; id: string },
  { metadata, tool_resources }: ModifyThreadRequest,
): Promise<Thread> {
  const plan = planForNames(tool_resources)
  return transactionOnce(context.db, async (tx) => {
    await lockFiles(context, tx, { project, plan })
    const before = await lockThread(tx, project, id, 'exclusive')
    if (!before) throw errors.notFound('thread', id)
    await checkStores(context, tx, { project, plan })
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

/** Deletes a thread with its messages, runs and steps. An active run is stopped without an event, and the Python session ends. */
export async function deleteThread(
  { db, hints }: Pick<Context, 'db' | 'hints'>,
  project: string,
  id: string,
): Promise<void> {
  const sent = await transactionOnce(db, async (tx) => {
    if (!(await lockThread(tx, project, id, 'exclusive'))) throw errors.notFound('thread', id)
    const run_id = await activeRunId(tx, id)
    const { had_session } = await deleteRows(tx, id)
    const all: Hint[] = []
    if (run_id) all.push({ kind: 'cancel', run_id }, { kind: 'log', run_ids: [run_id] })
    if (had_session) all.push({ kind: 'session_end', thread_id: id })
    for (const hint of all) await hints.announce(tx, hint)
    return all
  })
  for (const hint of sent) hints.send(hint)
}

/**
 * Builds a thread from a checked request, and the plan for its files and vector stores. `path` is the path of the thread's
 * messages in the request.
 */
export function makeThread(
  context: Pick<Context, 'clock'>,
  request: Partial<CreateThreadRequest>,
  path: string,
): { thread: Thread; plan: ResourcePlan } {
  const { plan, tool_resources } = planForThread(context, request, path)
  const thread: Thread = {
    id: newId('thread'),
    object: 'thread',
    created_at: nowSeconds(context.clock),
    metadata: request.metadata ?? {},
    tool_resources,
  }
  return { thread, plan }
}

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
  return transactionOnce(context.db, async (tx) => {
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
  const files = await lockFilesShared(tx, project, code_interpreter.file_ids, { deleting: 'gone' })
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
