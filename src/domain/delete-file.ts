/** Deletes files, by request or because they expired, and removes them from the objects that use them. */
import { errors } from '../api/errors.ts'
import type { ToolResources } from '../api/tool-resources.ts'
import { lockAssistantsWithFile, updateAssistant } from '../sql/assistants.ts'
import { releaseBlobs } from '../sql/blobs.ts'
import type { Queryable } from '../database/database.ts'
import { lockExpiredFile, lockFile, removeFile, type FileRow } from '../sql/files.ts'
import { lockThreadsWithFile, updateThread } from '../sql/threads.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'
import { detachEverywhere } from './detach-file.ts'

type Clocked = Pick<Context, 'clock' | 'db'>

/** Messages and runs keep the id of the file. */
export async function deleteFile(context: Clocked, project: string, id: string): Promise<void> {
  await context.db.transaction(async (tx) => {
    const file = await lockFile(tx, project, id)
    if (!file) throw errors.fileNotFound(id)
    await removeEverywhere(context, tx, file)
  })
}

/** Returns how many files it deleted; call it again while that is not 0. */
export async function expireFiles(context: Clocked): Promise<number> {
  return context.db.transaction(async (tx) => {
    const file = await lockExpiredFile(tx, nowSeconds(context.clock))
    if (!file) return 0
    await removeEverywhere(context, tx, file)
    return 1
  })
}

/** Every transaction takes its locks in this order: files, assistants, threads, vector stores, blobs. */
async function removeEverywhere(
  { clock }: Pick<Context, 'clock'>,
  tx: Queryable,
  file: FileRow,
): Promise<void> {
  await removeFromInterpreters(tx, file)
  await detachEverywhere(tx, file)
  await removeFile(tx, file.id)
  const held = file.sha256 ?? file.text_sha256
  if (held !== null) await releaseBlobs(tx, [held], nowSeconds(clock))
}

async function removeFromInterpreters(tx: Queryable, { project, id }: FileRow): Promise<void> {
  for (const assistant of await lockAssistantsWithFile(tx, project, id)) {
    const { id: assistant_id, object: _, created_at: __, ...body } = assistant
    await updateAssistant(tx, assistant_id, { ...body, tool_resources: without(body.tool_resources, id) })
  }
  for (const thread of await lockThreadsWithFile(tx, project, id)) {
    await updateThread(tx, { ...thread, tool_resources: without(thread.tool_resources, id) })
  }
}

function without(resources: ToolResources, file_id: string): ToolResources {
  const file_ids = resources.code_interpreter?.file_ids ?? []
  return { ...resources, code_interpreter: { file_ids: file_ids.filter((id) => id !== file_id) } }
}
