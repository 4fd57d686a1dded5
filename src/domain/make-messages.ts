/** Builds message rows from the messages of a request. */
import type { CreateMessageRequest, Message, MessageContentPart } from '../api/messages.ts'
import { newId } from '../util/ids.ts'

/** The rows for requests that have been checked, in order. */
export function makeMessages(
  requests: readonly CreateMessageRequest[],
  thread_id: string,
  now: number,
): Message[] {
  return requests.map((request) => ({
    id: newId('message'),
    object: 'thread.message',
    created_at: now,
    assistant_id: null,
    thread_id,
    run_id: null,
    status: 'completed',
    incomplete_details: null,
    incomplete_at: null,
    completed_at: now,
    role: request.role,
    content: makeContent(request.content),
    attachments: request.attachments ?? [],
    metadata: request.metadata ?? {},
  }))
}

function makeContent(content: CreateMessageRequest['content']): MessageContentPart[] {
  if (typeof content === 'string') return [textPart(content)]
  return content.map((part) => (part.type === 'text' ? textPart(part.text) : part))
}

function textPart(value: string): MessageContentPart {
  return { type: 'text', text: { value, annotations: [] } }
}
