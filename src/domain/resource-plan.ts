/**
 * Plans the files and vector stores of a request. A plan is made from the request alone, before the transaction.
 * apply-plan.ts carries it out in the transaction that writes the object.
 */
import type { CreateMessageRequest } from '../api/messages.ts'
import type { CreateThreadRequest } from '../api/threads.ts'
import type { CreateToolResources, ToolResources } from '../api/tool-resources.ts'
import type { VectorStore } from '../api/vector-stores.ts'
import type { Context } from './context.ts'
import { newStoreFiles, newVectorStoreId, type NewVectorStore } from './fill-vector-store.ts'

/** The expiry of vector stores that are created with a thread or its messages. */
const threadStoreExpiry: VectorStore['expires_after'] = { anchor: 'last_active_at', days: 7 }

export interface ResourcePlan {
  /** Files that must exist. */
  files: readonly NamedFile[]
  /** Ids of the files that messages attach for file_search. */
  attachedForSearch: readonly string[]
  /** Vector stores that must exist and not have expired. */
  stores: readonly string[]
  newStores: readonly NewVectorStore[]
  /** Files to add to a vector store that exists. */
  additions: { vector_store_id: string; file_ids: readonly string[] } | undefined
}

interface Planned {
  plan: ResourcePlan
  /** The resources of the object: ids of files and vector stores. */
  tool_resources: ToolResources
}

type Clock = Pick<Context, 'clock'>

/** For resources that create nothing, as in modifications and runs. */
export function planForNames(requested: CreateToolResources | undefined): ResourcePlan {
  return {
    files: filesOfResources(requested),
    attachedForSearch: [],
    stores: requested?.file_search?.vector_store_ids ?? [],
    newStores: [],
    additions: undefined,
  }
}

/** For messages of an existing thread. Their vector store is chosen when the thread is locked. */
export function planForMessages(messages: MessageRequests, path?: string): ResourcePlan {
  return {
    ...planForNames(undefined),
    files: filesOfMessages(messages, path),
    attachedForSearch: attachedFor('file_search', messages),
  }
}

export function planForAssistant(context: Clock, requested: CreateToolResources): Planned {
  return planStores(context, requested, null)
}

/** For a new thread with its first messages; `path` is the path of `messages` in the request. */
export function planForThread(
  context: Clock,
  { tool_resources: requested, messages }: Partial<CreateThreadRequest>,
  path: string,
): Planned {
  const { plan, tool_resources } = planStores(context, requested, threadStoreExpiry)
  const resources = withInterpreterFiles(tool_resources, attachedFor('code_interpreter', messages))
  const ofMessages = planForMessages(messages, path)
  const { attachedForSearch } = ofMessages
  const all = { ...plan, files: [...plan.files, ...ofMessages.files], attachedForSearch }
  return withAttached(context, { plan: all, tool_resources: resources }, attachedForSearch)
}

/** Adds files to the plan: to the vector store that the request names or creates, else to a new one. */
function withAttached(
  context: Clock,
  { plan, tool_resources }: Planned,
  file_ids: readonly string[],
): Planned {
  if (file_ids.length === 0) return { plan, tool_resources }
  const [created] = plan.newStores
  if (created) {
    const more = file_ids.filter((id) => created.files.every((file) => file.file_id !== id))
    const store = { ...created, files: [...created.files, ...newStoreFiles(more, {})] }
    return { plan: { ...plan, newStores: [store] }, tool_resources }
  }
  const [vector_store_id] = plan.stores
  if (vector_store_id) return { plan: { ...plan, additions: { vector_store_id, file_ids } }, tool_resources }
  const store = newThreadStore(context, file_ids)
  return {
    plan: { ...plan, newStores: [store] },
    tool_resources: { ...tool_resources, file_search: { vector_store_ids: [store.id] } },
  }
}

function planStores(
  context: Clock,
  requested: CreateToolResources | undefined,
  expires_after: VectorStore['expires_after'],
): Planned {
  const newStores = (requested?.file_search?.vector_stores ?? []).map((one): NewVectorStore => ({
    id: newVectorStoreId(context),
    name: null,
    description: null,
    expires_after,
    metadata: one.metadata ?? {},
    files: newStoreFiles(one.file_ids, one),
  }))
  const plan = { ...planForNames(requested), newStores }
  const ids = [...plan.stores, ...newStores.map((store) => store.id)]
  return {
    plan,
    tool_resources: {
      ...namedResources(requested),
      ...(requested?.file_search && { file_search: { vector_store_ids: ids } }),
    },
  }
}

/** A vector store for attached files, for a thread that has none. */
export function newThreadStore(context: Clock, file_ids: readonly string[]): NewVectorStore {
  return {
    id: newVectorStoreId(context),
    name: null,
    description: null,
    expires_after: threadStoreExpiry,
    metadata: {},
    files: newStoreFiles(file_ids, {}),
  }
}

/** Joins two plans, of which at most one creates or fills vector stores. The order of files and stores is kept. */
export function joinPlans(one: ResourcePlan, other: ResourcePlan): ResourcePlan {
  return {
    files: [...one.files, ...other.files],
    attachedForSearch: [...one.attachedForSearch, ...other.attachedForSearch],
    stores: [...one.stores, ...other.stores],
    newStores: [...one.newStores, ...other.newStores],
    additions: one.additions ?? other.additions,
  }
}

/** Whether a plan needs no statement, and so no transaction. */
export function isEmptyPlan({ files, stores, newStores }: ResourcePlan): boolean {
  return files.length === 0 && stores.length === 0 && newStores.length === 0
}

/** Whether the plan adds files to vector stores, so that ingest has work. */
export function fillsStores({ newStores, additions }: ResourcePlan): boolean {
  return additions !== undefined || newStores.some((store) => store.files.length > 0)
}

/** The part of `tool_resources` that an object stores: the ids of files and vector stores. */
export function namedResources(requested: CreateToolResources | undefined): ToolResources {
  const { code_interpreter, file_search } = requested ?? {}
  return {
    ...(code_interpreter && { code_interpreter: { file_ids: code_interpreter.file_ids } }),
    ...(file_search && { file_search: { vector_store_ids: file_search.vector_store_ids ?? [] } }),
  }
}

/** Adds files for code_interpreter. The limit on the files of a request does not apply to attachments. */
export function withInterpreterFiles(resources: ToolResources, file_ids: readonly string[]): ToolResources {
  if (file_ids.length === 0) return resources
  const { code_interpreter, ...others } = resources
  return {
    code_interpreter: { file_ids: [...new Set([...(code_interpreter?.file_ids ?? []), ...file_ids])] },
    ...others,
  }
}

export type MessageRequests = readonly CreateMessageRequest[] | null | undefined

interface NamedFile {
  file_id: string
  /** The path of the field that names an image. Absent for files that may be of any type. */
  imagePath?: string
}

/** The files in tool resources. */
function filesOfResources(resources: CreateToolResources | undefined): NamedFile[] {
  return (resources?.code_interpreter?.file_ids ?? []).map((file_id) => ({ file_id }))
}

/**
 * The files in the images and attachments of messages. `path` is the path of the list in the request; undefined when the
 * request is a message.
 */
function filesOfMessages(messages: MessageRequests, path: string | undefined): NamedFile[] {
  return (messages ?? []).flatMap((message, index) =>
    filesOfMessage(message, path === undefined ? '' : `${path}[${index}].`),
  )
}

function filesOfMessage(message: CreateMessageRequest, prefix: string): NamedFile[] {
  const parts = typeof message.content === 'string' ? [] : message.content
  const images = parts.flatMap((part, index): NamedFile[] => {
    if (part.type !== 'image_file') return []
    return [{ file_id: part.image_file.file_id, imagePath: `${prefix}content[${index}].image_file.file_id` }]
  })
  return [...images, ...(message.attachments ?? []).map(({ file_id }) => ({ file_id }))]
}

/** The files that messages attach for a tool, each once. */
export function attachedFor(tool: 'code_interpreter' | 'file_search', messages: MessageRequests): string[] {
  const attachments = (messages ?? []).flatMap((message) => message.attachments ?? [])
  const forTool = attachments.filter(({ tools }) => tools.some(({ type }) => type === tool))
  return [...new Set(forTool.map((attachment) => attachment.file_id))]
}
