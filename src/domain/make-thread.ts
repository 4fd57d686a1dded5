/** A new thread from a request that has been checked. */
import type { CreateThreadRequest, Thread } from '../api/threads.ts'
import { newId } from '../util/ids.ts'
import { interpreterFiles, withInterpreterFiles } from './attach-file.ts'

export function makeThread(request: Partial<CreateThreadRequest>, now: number): Thread {
  return {
    id: newId('thread'),
    object: 'thread',
    created_at: now,
    metadata: request.metadata ?? {},
    tool_resources: withInterpreterFiles(
      namedResources(request.tool_resources),
      interpreterFiles(request.messages),
    ),
  }
}

/** What is kept of `tool_resources`: the names of files and stores. */
export function namedResources(requested: CreateThreadRequest['tool_resources']): Thread['tool_resources'] {
  const { code_interpreter, file_search } = requested ?? {}
  return {
    ...(code_interpreter && { code_interpreter: { file_ids: code_interpreter.file_ids } }),
    ...(file_search && { file_search: { vector_store_ids: file_search.vector_store_ids ?? [] } }),
  }
}
