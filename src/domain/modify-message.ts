/** Replaces the metadata of a message. */
import type { Message, ModifyMessageRequest } from '../api/messages.ts'
import { findMessage, updateMessageMetadata } from '../sql/messages.ts'
import type { Context } from './context.ts'

/** Returns undefined when there is no such message. */
export function modifyMessage(
  { db }: Context,
  { project, thread_id, message_id: id }: { project: string; thread_id: string; message_id: string },
  { metadata }: ModifyMessageRequest,
): Promise<Message | undefined> {
  const key = { project, thread_id, id }
  return metadata === undefined ? findMessage(db, key) : updateMessageMetadata(db, key, metadata ?? {})
}
