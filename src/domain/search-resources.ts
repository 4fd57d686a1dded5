/** What assistants, threads and messages say about file_search: stores that are named, made, or added to. */
import { errors } from '../api/errors.ts'
import type { CreateMessageRequest } from '../api/messages.ts'
import type { CreateToolResources, ToolResources } from '../api/tool-resources.ts'
import type { VectorStore } from '../api/vector-stores.ts'
import type { Queryable } from '../database/database.ts'
import { findStoreRows, isExpired } from '../sql/vector-stores.ts'
import { nowSeconds } from '../util/clock.ts'
import { addToStore, newStoreFiles, openStore } from './attach-store-file.ts'
import type { Context } from './context.ts'
import { makeStore, newStoreId, type NewStore } from './create-vector-store.ts'

/** Stores that come with a thread or its messages live this long after their last use. */
const threadStoreExpiry: VectorStore['expires_after'] = { anchor: 'last_active_at', days: 7 }

/** What is to be done in the transaction that writes the object, whose resources are known before. */
export interface SearchPlan {
  /** Stores that the request names. */
  named: readonly string[]
  made: readonly NewStore[]
  /** Files that messages attach to a store that is there. */
  attached: { vector_store_id: string; file_ids: readonly string[] } | undefined
}

const nothing: SearchPlan = { named: [], made: [], attached: undefined }

/** The files that messages attach for file_search, each once. */
export function searchedFiles(requests: readonly CreateMessageRequest[] | null | undefined): string[] {
  const attachments = (requests ?? []).flatMap((request) => request.attachments ?? [])
  const forSearch = attachments.filter(({ tools }) => tools.some((tool) => tool.type === 'file_search'))
  return [...new Set(forSearch.map((one) => one.file_id))]
}

/** For a new assistant, or a request that only names stores. */
export function planForAssistant(
  context: Context,
  requested: CreateToolResources,
): { plan: SearchPlan; vector_store_ids: string[] | undefined } {
  return planStores(context, requested, { expires_after: null })
}

/** For a new thread with its first messages: what they attach goes into the store that the request names or makes. */
export function planForThread(
  context: Context,
  requested: CreateToolResources,
  messages: readonly CreateMessageRequest[] | null | undefined,
): { plan: SearchPlan; vector_store_ids: string[] | undefined } {
  const { plan, vector_store_ids } = planStores(context, requested, { expires_after: threadStoreExpiry })
  const file_ids = searchedFiles(messages)
  const [named] = vector_store_ids ?? []
  if (file_ids.length === 0) return { plan, vector_store_ids }
  const [made] = plan.made
  if (made) {
    const more = newStoreFiles(
      file_ids.filter((id) => made.files.every((file) => file.file_id !== id)),
      {},
    )
    return { plan: { ...plan, made: [{ ...made, files: [...made.files, ...more] }] }, vector_store_ids }
  }
  if (named) return { plan: { ...plan, attached: { vector_store_id: named, file_ids } }, vector_store_ids }
  const store = threadStore(context, file_ids)
  return { plan: { ...plan, made: [store] }, vector_store_ids: [store.id] }
}

/** For messages on a thread that is there and locked. A store that was deleted is replaced. */
export async function planForMessages(
  context: Context,
  tx: Queryable,
  thread: { project: string; tool_resources: ToolResources },
  messages: readonly CreateMessageRequest[] | null | undefined,
): Promise<{ plan: SearchPlan; tool_resources: ToolResources }> {
  const { project, tool_resources } = thread
  const file_ids = searchedFiles(messages)
  if (file_ids.length === 0) return { plan: nothing, tool_resources }
  const [known] = await findStoreRows(tx, project, tool_resources.file_search?.vector_store_ids ?? [])
  if (known) {
    return { plan: { ...nothing, attached: { vector_store_id: known.id, file_ids } }, tool_resources }
  }
  const store = threadStore(context, file_ids)
  return {
    plan: { ...nothing, made: [store] },
    tool_resources: { ...tool_resources, file_search: { vector_store_ids: [store.id] } },
  }
}

/** Throws 404 for stores and files that are not there, 400 for stores that expired and files that cannot be read. */
export async function carryOut(
  context: Context,
  tx: Queryable,
  { project, plan }: { project: string; plan: SearchPlan },
): Promise<void> {
  await checkNamed(context, tx, { project, ids: plan.named })
  for (const made of plan.made) await makeStore(context, tx, { project, made })
  if (!plan.attached) return
  const store = await openStore(context, tx, { project, id: plan.attached.vector_store_id })
  await addToStore(context, tx, store, newStoreFiles(plan.attached.file_ids, {}))
}

/** Whether a plan needs a transaction at all. */
export function isEmptyPlan({ named, made, attached }: SearchPlan): boolean {
  return named.length === 0 && made.length === 0 && attached === undefined
}

/** Whether a plan adds files to a store, which the workers then read. */
export function addsFiles({ made, attached }: SearchPlan): boolean {
  return attached !== undefined || made.some((store) => store.files.length > 0)
}

/** Stores that a request names must be there and not be over. */
export async function checkNamed(
  context: Context,
  tx: Queryable,
  { project, ids }: { project: string; ids: readonly string[] },
): Promise<void> {
  if (ids.length === 0) return
  const rows = await findStoreRows(tx, project, ids)
  for (const id of ids) {
    const row = rows.find((one) => one.id === id)
    if (!row) throw errors.notFound('vector_store', id)
    if (isExpired(row, nowSeconds(context.clock))) throw errors.vectorStoreExpired(id)
  }
}

function planStores(
  context: Context,
  requested: CreateToolResources,
  { expires_after }: Pick<NewStore, 'expires_after'>,
): { plan: SearchPlan; vector_store_ids: string[] | undefined } {
  const search = requested?.file_search
  if (!search) return { plan: nothing, vector_store_ids: undefined }
  const made = (search.vector_stores ?? []).map((one): NewStore => ({
    id: newStoreId(context),
    name: null,
    description: null,
    expires_after,
    metadata: one.metadata ?? {},
    files: newStoreFiles(one.file_ids, one),
  }))
  const named = search.vector_store_ids ?? []
  return { plan: { ...nothing, named, made }, vector_store_ids: [...named, ...made.map((store) => store.id)] }
}

function threadStore(context: Context, file_ids: readonly string[]): NewStore {
  return {
    id: newStoreId(context),
    name: null,
    description: null,
    expires_after: threadStoreExpiry,
    metadata: {},
    files: newStoreFiles(file_ids, {}),
  }
}
