/** A new thread from a request that has been checked, and what is to be done about its vector stores. */
import type { CreateThreadRequest, Thread } from '../api/threads.ts'
import { newId } from '../util/ids.ts'
import { nowSeconds } from '../util/clock.ts'
import { interpreterFiles, withInterpreterFiles } from './attach-file.ts'
import type { Context } from './context.ts'
import { planForThread, type SearchPlan } from './search-resources.ts'

export function makeThread(
  context: Context,
  request: Partial<CreateThreadRequest>,
): { thread: Thread; plan: SearchPlan } {
  const { plan, vector_store_ids } = planForThread(context, request.tool_resources, request.messages)
  const resources = withInterpreterFiles(
    namedResources(request.tool_resources),
    interpreterFiles(request.messages),
  )
  const thread: Thread = {
    id: newId('thread'),
    object: 'thread',
    created_at: nowSeconds(context.clock),
    metadata: request.metadata ?? {},
    tool_resources: withStores(resources, vector_store_ids),
  }
  return { thread, plan }
}

/** Resources with the stores that file_search uses; as they are where nothing is said of them. */
export function withStores(
  resources: Thread['tool_resources'],
  vector_store_ids: string[] | undefined,
): Thread['tool_resources'] {
  return vector_store_ids ? { ...resources, file_search: { vector_store_ids } } : resources
}

/** What is kept of `tool_resources`: the names of files and stores. */
export function namedResources(requested: CreateThreadRequest['tool_resources']): Thread['tool_resources'] {
  const { code_interpreter, file_search } = requested ?? {}
  return {
    ...(code_interpreter && { code_interpreter: { file_ids: code_interpreter.file_ids } }),
    ...(file_search && { file_search: { vector_store_ids: file_search.vector_store_ids ?? [] } }),
  }
}
