/** Changes the metadata and the resources of a thread. */
import { errors } from '../api/errors.ts'
import type { ModifyThreadRequest, Thread } from '../api/threads.ts'
import { lockThread, updateThread } from '../sql/threads.ts'
import { checkStores, lockFiles } from './apply-plan.ts'
import type { Context } from './context.ts'
import { namedResources, planForNames } from './resource-plan.ts'

/** Allowed while a run is active: a run only prevents new messages and other runs. */
export async function modifyThread(
  context: Pick<Context, 'db' | 'clock' | 'retrieval'>,
  { project, id }: { project: string; id: string },
  { metadata, tool_resources }: ModifyThreadRequest,
): Promise<Thread> {
  const plan = planForNames(tool_resources)
  return context.db.transaction(async (tx) => {
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
