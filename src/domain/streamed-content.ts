/** The content of a message as far as the log has it, put together from its deltas. */
import type { MessageContentDelta, MessageDelta } from '../api/events.ts'
import type { MessageContentPart } from '../api/messages.ts'
import type { Queryable } from '../database/database.ts'
import { readEntries } from '../sql/run-events.ts'

export async function streamedContent(
  db: Queryable,
  run_id: string,
  message_id: string,
): Promise<MessageContentPart[]> {
  const parts: MessageContentPart[] = []
  let last = 0
  for (;;) {
    const entries = await readEntries(db, run_id, last)
    const end = entries.at(-1)
    if (!end) return parts
    const deltas = entries
      .filter((entry) => entry.event === 'thread.message.delta')
      .map((entry) => JSON.parse(entry.data) as MessageDelta)
      .filter((delta) => delta.id === message_id)
    for (const part of deltas.flatMap((delta) => delta.delta.content)) addDelta(parts, part)
    last = end.number
  }
}

function addDelta(parts: MessageContentPart[], delta: MessageContentDelta): void {
  const known = parts[delta.index]
  if (delta.type === 'image_file') {
    parts[delta.index] = { type: 'image_file', image_file: delta.image_file }
  } else if (delta.type === 'refusal') {
    const before = known?.type === 'refusal' ? known.refusal : ''
    parts[delta.index] = { type: 'refusal', refusal: before + delta.refusal }
  } else {
    const before = known?.type === 'text' ? known.text : { value: '', annotations: [] }
    const news = (delta.text.annotations ?? []).map((annotation) => withoutIndex(annotation))
    parts[delta.index] = {
      type: 'text',
      text: { value: before.value + delta.text.value, annotations: [...before.annotations, ...news] },
    }
  }
}

type AnnotationDelta = NonNullable<
  Extract<MessageContentDelta, { type: 'text' }>['text']['annotations']
>[number]
type TextPart = Extract<MessageContentPart, { type: 'text' }>

/** Final annotations have no index and no quote. */
function withoutIndex(delta: AnnotationDelta): TextPart['text']['annotations'][number] {
  const { index: _, ...annotation } = delta
  if (annotation.type === 'file_path') return annotation
  return { ...annotation, file_citation: { file_id: annotation.file_citation.file_id } }
}
