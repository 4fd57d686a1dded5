/** Deletes a message of a thread that no run is working on. */
import { errors } from '../api/errors.ts'
import { deleteMessage as deleteRow } from '../sql/messages.ts'
import type { Context } from './context.ts'
import { lockIdleThread } from './lock-idle-thread.ts'

export async function deleteMessage(
  { db }: Pick<Context, 'db'>,
  key: { project: string; thread_id: string; id: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockIdleThread(tx, key, 'share')
    if (!(await deleteRow(tx, key))) throw errors.notFound('message', key.id)
  })
}
