/** Conversations and their items, in the form of the Responses API. */
import { isObject } from '../../util/is-object.ts'
import { computedId, ownId, secondsOf, textAt } from '../foreign-ids.ts'
import type { Fields, Place, Recognised, TransferRecord } from '../records.ts'

/** A conversation; it may have its `items`. */
export function recogniseConversation(value: Fields, place: Place): Recognised | undefined {
  if (value['object'] !== 'conversation' || typeof value['id'] !== 'string') return undefined
  const created_at = secondsOf(value['created_at']) ?? place.modified_at
  const conversation = { id: value['id'], created_at }
  const items = isObject(value['items']) ? value['items']['data'] : value['items']
  const found = (Array.isArray(items) ? items : []).filter(isObject)
  const messages = found.filter(isMessageItem)
  const thread = { id: ownId('thread', value['id']), created_at, metadata: value['metadata'] }
  const others = found.length - messages.length
  return {
    format: 'Conversations',
    records: [
      { kind: 'thread', object: thread },
      ...messages.map((item, index) => messageOf(item, conversation, index)),
    ],
    order: 'asc',
    ...(others > 0 && { skipped: { [noRun]: others } }),
  }
}

const noRun =
  'an item of a conversation that is not a message: tool calls belong to runs, which conversations do not have'

/** An item without its conversation. All items of a file become one thread. */
export function recogniseConversationItem(value: Fields, place: Place): Recognised | undefined {
  if (!isMessageItem(value)) return undefined
  const id = textAt(value, 'conversation_id') ?? place.file.replace(/\.\w+$/, '')
  const conversation = { id, created_at: secondsOf(value['created_at']) ?? place.modified_at }
  return { format: 'Conversations', records: [messageOf(value, conversation, place.line)], order: 'asc' }
}

const partTypes = new Set(['input_text', 'output_text', 'input_image', 'input_file', 'refusal'])

function isMessageItem(value: Fields): boolean {
  const { type, role, content } = value
  if ('object' in value || (type !== undefined && type !== 'message') || typeof role !== 'string')
    return false
  if (type === 'message' && typeof content === 'string') return true
  return (
    Array.isArray(content) && content.some((part) => isObject(part) && partTypes.has(String(part['type'])))
  )
}

function messageOf(
  item: Fields,
  conversation: { id: string; created_at: number },
  index: number,
): TransferRecord {
  const parts = Array.isArray(item['content']) ? item['content'].filter(isObject) : [item['content']]
  const files = parts.flatMap((part) =>
    isObject(part) && part['type'] === 'input_file' && typeof part['file_id'] === 'string'
      ? [{ file_id: part['file_id'], tools: [{ type: 'file_search' }] }]
      : [],
  )
  const id = textAt(item, 'id')
  const object = {
    id: id === undefined ? computedId('message', conversation.id, index) : ownId('message', id),
    thread_id: ownId('thread', conversation.id),
    created_at: conversation.created_at,
    role: item['role'],
    content: parts.flatMap(contentOf),
    attachments: files,
    ...(item['status'] === 'incomplete' && { status: 'incomplete' }),
  }
  return { kind: 'message', object }
}

function contentOf(part: unknown): Fields[] {
  if (typeof part === 'string') return [{ type: 'text', text: { value: part, annotations: [] } }]
  if (!isObject(part)) return []
  const { type, file_id, detail } = part
  if (type === 'refusal') return [{ type: 'refusal', refusal: part['refusal'] }]
  if (type === 'input_image' && typeof file_id === 'string') {
    return [{ type: 'image_file', image_file: { file_id, detail } }]
  }
  if (type === 'input_image') return [{ type: 'image_url', image_url: { url: part['image_url'], detail } }]
  return typeof part['text'] === 'string' ? contentOf(part['text']) : []
}
