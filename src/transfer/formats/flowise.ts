/** Flowise: rows of its tables `assistant` and `chat_message`. */
import { isObject } from '../../util/is-object.ts'
import { computedId, ownId, secondsOf, textAt } from '../foreign-ids.ts'
import type { Fields, Place, Recognised } from '../records.ts'

export function recogniseFlowiseMessage(value: Fields, place: Place): Recognised | undefined {
  const role = textAt(value, 'role')
  const chatflow = textAt(value, 'chatflowid', 'chatflowId')
  if (chatflow === undefined || (role !== 'userMessage' && role !== 'apiMessage')) return undefined
  const session = textAt(value, 'sessionId', 'sessionid', 'chatId')
  if (session === undefined) return undefined
  const id = textAt(value, 'id')
  const object = {
    id:
      id === undefined
        ? computedId('message', chatflow, session, place.line)
        : computedId('message', chatflow, id),
    thread_id: ownId('thread', session),
    created_at: secondsOf(value['createdDate']) ?? place.modified_at,
    role: role === 'userMessage' ? 'user' : 'assistant',
    content: textAt(value, 'content') ?? '',
  }
  return { format: 'Flowise', records: [{ kind: 'message', object }], order: 'asc' }
}

/** `details` is the assistant as JSON text. */
export function recogniseFlowiseAssistant(value: Fields, place: Place): Recognised | undefined {
  if (typeof value['details'] !== 'string' || typeof value['id'] !== 'string') return undefined
  const details = parsed(value['details'])
  if (!details || typeof details['model'] !== 'string') return undefined
  const id = textAt(details, 'id')
  const object = {
    ...details,
    id: ownId('assistant', id === undefined || id === '' ? value['id'] : id),
    object: 'assistant',
    created_at: secondsOf(value['createdDate']) ?? place.modified_at,
    tools: (Array.isArray(details['tools']) ? details['tools'] : []).map((tool) =>
      typeof tool === 'string' ? { type: tool } : (tool as unknown),
    ),
  }
  return { format: 'Flowise', records: [{ kind: 'assistant', object }], order: 'asc' }
}

function parsed(text: string): Fields | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
