/** LibreChat: documents of its MongoDB collections `messages` and `conversations`. */
import { isObject } from '../../util/is-object.ts'
import { ownId, secondsOf, textAt } from '../foreign-ids.ts'
import type { Fields, Place, Recognised } from '../records.ts'

export function recogniseLibreChatMessage(value: Fields, place: Place): Recognised | undefined {
  const message = textAt(value, 'messageId')
  const conversation = textAt(value, 'conversationId')
  if (message === undefined || conversation === undefined || !('isCreatedByUser' in value)) return undefined
  const isUser = value['isCreatedByUser'] === true || value['isCreatedByUser'] === 'true'
  const model = textAt(value, 'model')
  const object = {
    id: ownId('message', message),
    thread_id: ownId('thread', textAt(value, 'thread_id') ?? conversation),
    created_at: secondsOf(value['createdAt']) ?? place.modified_at,
    role: isUser ? 'user' : 'assistant',
    assistant_id: !isUser && model?.startsWith('asst_') ? model : null,
    content: contentOf(value),
    attachments: filesOf(value['files']),
  }
  return { format: 'LibreChat', records: [{ kind: 'message', object }], order: 'asc' }
}

/** The title of the conversation becomes metadata of a thread. The messages are separate documents. */
export function recogniseLibreChatConversation(value: Fields, place: Place): Recognised | undefined {
  const conversation = textAt(value, 'conversationId')
  if (conversation === undefined || !('endpoint' in value) || 'messageId' in value) return undefined
  // With the assistants endpoint, only the messages name the thread; this document does not.
  if (textAt(value, 'assistant_id') !== undefined && textAt(value, 'thread_id') === undefined) {
    return { format: 'LibreChat', records: [], order: 'asc' }
  }
  const title = textAt(value, 'title')
  const object = {
    id: ownId('thread', textAt(value, 'thread_id') ?? conversation),
    created_at: secondsOf(value['createdAt']) ?? place.modified_at,
    metadata: title === undefined ? {} : { title: title.slice(0, 512) },
  }
  return { format: 'LibreChat', records: [{ kind: 'thread', object }], order: 'asc' }
}

function contentOf(value: Fields): unknown {
  const parts = Array.isArray(value['content']) ? value['content'].filter(isObject) : []
  const texts = parts.flatMap((part) => {
    if (part['type'] !== 'text') return []
    const { text } = part
    if (typeof text === 'string') return [{ type: 'text', text: { value: text, annotations: [] } }]
    return isObject(text) ? [{ type: 'text', text }] : []
  })
  return texts.length > 0 ? texts : (textAt(value, 'text') ?? '')
}

function filesOf(files: unknown): Fields[] {
  return (Array.isArray(files) ? files.filter(isObject) : []).flatMap(({ file_id }) =>
    typeof file_id === 'string' && file_id.startsWith('file')
      ? [{ file_id, tools: [{ type: 'code_interpreter' }] }]
      : [],
  )
}
