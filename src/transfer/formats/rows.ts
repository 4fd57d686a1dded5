/** Rows of text, one message each, from any table or log. */
import { computedId, ownId, secondsOf, textAt } from '../foreign-ids.ts'
import type { Fields, Place, Recognised } from '../records.ts'

const roles: Record<string, string> = {
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  ai: 'assistant',
  bot: 'assistant',
}

/** Needs `thread_id`, `role` and `text`; uses `message_id`, `assistant_id` and `created_at` when present. */
export function recogniseRow(value: Fields, place: Place): Recognised | undefined {
  const thread = textAt(value, 'thread_id', 'conversation_id', 'session_id')
  const role = textAt(value, 'role')?.toLowerCase()
  const text = textAt(value, 'text', 'content', 'message') ?? emptyText(value)
  if (thread === undefined || role === undefined || text === undefined || 'object' in value) return undefined
  const id = textAt(value, 'message_id', 'id')
  const assistant = textAt(value, 'assistant_id')
  const object = {
    id: id === undefined ? computedId('message', thread, place.line, role, text) : ownId('message', id),
    thread_id: ownId('thread', thread),
    created_at: secondsOf(value['created_at'] ?? value['timestamp']) ?? place.modified_at,
    role: Object.hasOwn(roles, role) ? roles[role] : role,
    assistant_id: assistant !== undefined && roles[role] === 'assistant' ? assistant : null,
    content: text,
  }
  return { format: 'rows of text', records: [{ kind: 'message', object }], order: 'asc' }
}

function emptyText(value: Fields): '' | undefined {
  return value['text'] === '' || value['content'] === '' ? '' : undefined
}
