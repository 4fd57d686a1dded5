/** The message that a run is writing: its text grows piece by piece, with annotations where pieces are marks. */
import type { Message, MessageContentPart } from '../api/messages.ts'
import type { StepRow } from '../sql/run-steps.ts'
import type { MarkedPiece, MarkFinder } from './find-marks.ts'

export interface OpenMessage {
  message: Message
  step: StepRow
  parts: MessageContentPart[]
  marks: MarkFinder
}

/** How a message ends. */
export type MessageEnding =
  | { status: 'completed' }
  | { status: 'incomplete'; reason: 'max_tokens' | 'content_filter' }

/** Adds a piece to the message's text and answers the delta that tells of it. Indices count code points. */
export function addPiece(said: OpenMessage, { text: value, mark }: MarkedPiece): object {
  const last = said.parts.at(-1)
  const isFirst = last?.type !== 'text'
  const part = isFirst ? { type: 'text' as const, text: { value: '', annotations: [] } } : last
  if (isFirst) said.parts.push(part)
  const index = said.parts.length - 1
  const start_index = mark ? Array.from(part.text.value).length : 0
  part.text.value += value
  if (!mark) return { index, type: 'text', text: isFirst ? { value, annotations: [] } : { value } }
  const { type, text, file_id } = mark
  const place = { text, start_index, end_index: start_index + Array.from(text).length }
  const number = part.text.annotations.length
  if (type === 'file_citation') {
    part.text.annotations.push({ type, ...place, file_citation: { file_id } })
    const told = { index: number, type, ...place, file_citation: { file_id, quote: '' } }
    return { index, type: 'text', text: { value, annotations: [told] } }
  }
  part.text.annotations.push({ type, ...place, file_path: { file_id } })
  const { attachments } = said.message
  if (!attachments.some((attachment) => attachment.file_id === file_id)) {
    attachments.push({ file_id, tools: [{ type: 'code_interpreter' }] })
  }
  const told = { index: number, type, ...place, file_path: { file_id } }
  return { index, type: 'text', text: { value, annotations: [told] } }
}

export function endedMessage(said: OpenMessage, ending: MessageEnding, now: number): Message {
  const { message } = said
  if (ending.status === 'completed') return { ...message, status: 'completed', completed_at: now }
  const incomplete_details = { reason: ending.reason }
  return { ...message, status: 'incomplete', incomplete_details, incomplete_at: now }
}
