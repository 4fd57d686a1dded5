/** Carries out the plan for files and vector stores of a request, in the transaction that writes its object. */
import { errors } from '../api/errors.ts'
import type { Thread } from '../api/threads.ts'
import type { Queryable } from '../database/database.ts'
import { lockFilesShared } from '../sql/files.ts'
import { updateThread } from '../sql/threads.ts'
import { findStoreRows, isExpired } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'
import {
  addFiles,
  checkSearchable,
  insertNewStore,
  lockStoreToFill,
  newStoreFiles,
  type FillContext,
} from './fill-vector-store.ts'
import {
  attachedFor,
  newThreadStore,
  withInterpreterFiles,
  type MessageRequests,
  type ResourcePlan,
} from './resource-plan.ts'

/** Purposes whose files may be shown to a model as images. */
const imagePurposes: ReadonlySet<string> = new Set(['vision', 'user_data', 'assistants', 'assistants_output'])

interface Planned {
  project: string
  plan: ResourcePlan
}

/**
 * Carries out the plan of a new object. Throws 404 for files and vector stores that do not exist, 400 for stores that
 * have expired and for files that cannot be used as requested.
 */
export async function applyPlan(context: FillContext, tx: Queryable, planned: Planned): Promise<void> {
  const { project, plan } = planned
  await lockFiles(context, tx, planned)
  await checkStores(context, tx, planned)
  for (const store of plan.newStores) await insertNewStore(context, tx, { project, store })
  if (!plan.additions) return
  const { vector_store_id: id, file_ids } = plan.additions
  await addFiles(
    context,
    tx,
    await lockStoreToFill(context, tx, { project, id }),
    newStoreFiles(file_ids, {}),
  )
}

/**
 * Checks the files of a plan and locks them against deletion until the transaction ends. Call it before a thread,
 * assistant or vector store is locked: the deletion of a file takes its locks in this order.
 */
export async function lockFiles(
  context: Pick<Context, 'retrieval'>,
  tx: Queryable,
  { project, plan }: Planned,
): Promise<void> {
  if (plan.files.length === 0) return
  const ids = [...new Set(plan.files.map((file) => file.file_id))]
  const files = await lockFilesShared(tx, project, ids, { deleting: 'wait' })
  for (const { file_id, imagePath } of plan.files) {
    const file = files.get(file_id)
    if (!file) throw errors.notFound('file', file_id)
    if (imagePath === undefined) continue
    if (file.image_type === null || !imagePurposes.has(file.purpose)) {
      throw errors.unsupportedImageFile(imagePath, file_id)
    }
  }
  checkSearchable(context, files, plan.attachedForSearch)
}

/** Throws unless the vector stores of a plan exist and have not expired. */
export async function checkStores(
  context: Pick<Context, 'clock'>,
  tx: Queryable,
  { project, plan }: Planned,
): Promise<void> {
  if (plan.stores.length === 0) return
  const rows = await findStoreRows(tx, project, plan.stores)
  for (const id of plan.stores) {
    const row = rows.find((candidate) => candidate.id === id)
    if (!row) throw errors.notFound('vector_store', id)
    if (isExpired(row, nowSeconds(context.clock))) throw errors.vectorStoreExpired(id)
  }
}

/**
 * Adds the files that new messages attach to the resources of the thread: those for code_interpreter to its files, those
 * for file_search to its vector store. `lockFiles` must have locked the files, and the caller the thread.
 */
export async function attachToThread(
  context: FillContext,
  tx: Queryable,
  added: { project: string; thread: Thread; messages: MessageRequests },
): Promise<void> {
  const { thread, messages } = added
  const resources = withInterpreterFiles(thread.tool_resources, attachedFor('code_interpreter', messages))
  const tool_resources = await attachForSearch(context, tx, added, resources)
  if (tool_resources !== thread.tool_resources) await updateThread(tx, { ...thread, tool_resources })
}

/** Adds the attached files to the vector store of the thread, or to a new one; returns the changed resources. */
async function attachForSearch(
  context: FillContext,
  tx: Queryable,
  { project, messages }: { project: string; messages: MessageRequests },
  resources: Thread['tool_resources'],
): Promise<Thread['tool_resources']> {
  const file_ids = attachedFor('file_search', messages)
  if (file_ids.length === 0) return resources
  const [existing] = await findStoreRows(tx, project, resources.file_search?.vector_store_ids ?? [])
  if (existing) {
    const store = await lockStoreToFill(context, tx, { project, id: existing.id })
    await addFiles(context, tx, store, newStoreFiles(file_ids, {}))
    return resources
  }
  const store = newThreadStore(context, file_ids)
  await insertNewStore(context, tx, { project, store })
  return { ...resources, file_search: { vector_store_ids: [store.id] } }
}
