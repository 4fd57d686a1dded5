/** Builds a thread from a checked request, and the plan for its files and vector stores. */
import type { CreateThreadRequest, Thread } from '../api/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import type { Context } from './context.ts'
import { planForThread, type ResourcePlan } from './resource-plan.ts'

/** `path` is the path of the thread's messages in the request. */
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
