/** Applies deltas to the content of a message and to the calls of a step. */
import type { AnnotationDelta, MessageContentDelta, StepToolCallDelta } from '../api/events.ts'
import { codePoints } from '../api/fields.ts'
import type { Annotation, Message, MessageContentPart } from '../api/messages.ts'
import type { CodeInterpreterOutput, StepToolCall } from '../api/run-steps.ts'
import type { Mark } from '../sql/run-steps.ts'

/** A piece of a message. A text with a mark is the whole text of the mark, which becomes an annotation. */
export type MessagePiece =
  | { type: 'text'; text: string; mark?: Mark }
  | { type: 'refusal'; refusal: string }
  | { type: 'image_file'; file_id: string }

/** The delta that adds a piece to this content. Indices of annotations count code points. */
export function deltaOf(content: readonly MessageContentPart[], piece: MessagePiece): MessageContentDelta {
  const last = content.at(-1)
  const index = last?.type === piece.type && piece.type !== 'image_file' ? content.length - 1 : content.length
  if (piece.type === 'image_file')
    return { index, type: 'image_file', image_file: { file_id: piece.file_id } }
  if (piece.type === 'refusal') return { index, type: 'refusal', refusal: piece.refusal }
  const before = last?.type === 'text' ? last.text : undefined
  const { text: value, mark } = piece
  if (!mark) return { index, type: 'text', text: before ? { value } : { value, annotations: [] } }
  const annotation = annotationDelta(mark, before)
  return { index, type: 'text', text: { value, annotations: [annotation] } }
}

function annotationDelta(
  { type, text, file_id }: Mark,
  before: { value: string; annotations: readonly Annotation[] } | undefined,
): AnnotationDelta {
  const index = before?.annotations.length ?? 0
  const start_index = codePoints(before?.value ?? '')
  const range = { text, start_index, end_index: start_index + codePoints(text) }
  if (type === 'file_path') return { index, type, ...range, file_path: { file_id } }
  return { index, type, ...range, file_citation: { file_id, quote: '' } }
}

/** The message with a delta added. A link to a file that code has written also attaches the file. */
export function withDelta(message: Message, delta: MessageContentDelta): Message {
  const content = [...message.content]
  const before = content[delta.index]
  if (delta.type === 'image_file') {
    content[delta.index] = { type: 'image_file', image_file: delta.image_file }
  } else if (delta.type === 'refusal') {
    const refusal = (before?.type === 'refusal' ? before.refusal : '') + delta.refusal
    content[delta.index] = { type: 'refusal', refusal }
  } else {
    const { value, annotations } = before?.type === 'text' ? before.text : { value: '', annotations: [] }
    const added = delta.text.annotations?.map(withoutIndex) ?? []
    const isMarked = added.length > 0
    const text = {
      value: value + delta.text.value,
      annotations: isMarked ? [...annotations, ...added] : annotations,
    }
    content[delta.index] = { type: 'text', text }
    if (isMarked) return { ...message, content, attachments: withFiles(message.attachments, added) }
  }
  return { ...message, content }
}

/** Final annotations have no index and no quote. */
function withoutIndex({ index: _, ...annotation }: AnnotationDelta): Annotation {
  if (annotation.type === 'file_path') return annotation
  return { ...annotation, file_citation: { file_id: annotation.file_citation.file_id } }
}

function withFiles(
  attachments: Message['attachments'],
  added: readonly Annotation[],
): Message['attachments'] {
  const all = [...attachments]
  for (const annotation of added) {
    if (annotation.type !== 'file_path') continue
    const { file_id } = annotation.file_path
    if (all.some((attachment) => attachment.file_id === file_id)) continue
    all.push({ file_id, tools: [{ type: 'code_interpreter' }] })
  }
  return all
}

/** The calls of a step with a delta added: strings are joined, outputs are placed by their index. */
export function callsWithDelta(calls: readonly StepToolCall[], delta: StepToolCallDelta): StepToolCall[] {
  return calls.map((call, index) => (index === delta.index ? callWithDelta(call, delta) : call))
}

function callWithDelta(call: StepToolCall, delta: StepToolCallDelta): StepToolCall {
  if (call.type === 'function' && delta.type === 'function') {
    const { arguments: more = '' } = delta.function
    return { ...call, function: { ...call.function, arguments: call.function.arguments + more } }
  }
  if (call.type === 'code_interpreter' && delta.type === 'code_interpreter') {
    const { input = '', outputs = [] } = delta.code_interpreter
    const all: CodeInterpreterOutput[] = [...call.code_interpreter.outputs]
    for (const { index, ...output } of outputs) {
      const before = all[index]
      all[index] =
        output.type === 'logs' && before?.type === 'logs'
          ? { type: 'logs', logs: before.logs + output.logs }
          : output
    }
    return { ...call, code_interpreter: { input: call.code_interpreter.input + input, outputs: all } }
  }
  return call
}
