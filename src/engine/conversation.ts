/** A thread as the model reads it: messages, and the tool turns of its runs between them. */
import type { Message } from '../api/messages.ts'
import type { ChatContentPart, ChatMessage } from '../models/port.ts'
import type { ThreadMessage } from '../sql/messages.ts'
import type { RecordedCall, StepRow } from '../sql/run-steps.ts'
import type { Findings } from './turn-writer.ts'

/** As a model reads them, but for images by file id: only those that stay in the conversation get loaded. */
export type DraftMessage =
  | Exclude<ChatMessage, { role: 'user' }>
  | { role: 'user'; content: string | DraftPart[] }

export type DraftPart = ChatContentPart | Extract<Message['content'][number], { type: 'image_file' }>

/** What stands or falls together when a conversation is shortened. */
export interface Exchange {
  messages: DraftMessage[]
  /** Made by the run that is being worked on: never left out. */
  isCurrent: boolean
  /** Thread messages count for `last_messages`, tool turns do not. */
  isMessage: boolean
  /** For the trace. */
  id: string
}

/**
 * Puts messages and tool turns in order. A run's own message stands where its step does; a tool turn whose calls
 * are not all answered is left out, since models refuse a call without its outcome.
 */
export function conversation(
  messages: readonly ThreadMessage[],
  steps: readonly (StepRow & { seq: number })[],
  run_id: string,
): Exchange[] {
  const places = new Map<string, number>()
  for (const step of steps) {
    if (step.step_details.type === 'message_creation') {
      places.set(step.step_details.message_creation.message_id, step.seq)
    }
  }
  const said = messages
    .filter((message) => message.content.length > 0)
    .map((message) => ({
      seq: places.get(message.id) ?? message.seq,
      exchange: {
        messages: [chatMessage(message)],
        isCurrent: message.run_id === run_id,
        isMessage: true,
        id: message.id,
      },
    }))
  const turns = steps.flatMap((step) => {
    const calls = step.turn?.calls ?? []
    if (step.type !== 'tool_calls' || calls.length === 0) return []
    if (calls.some((call) => call.output === null)) return []
    const exchange = {
      messages: toolTurn(calls),
      isCurrent: step.run_id === run_id,
      isMessage: false,
      id: step.id,
    }
    return [{ seq: step.seq, exchange }]
  })
  return [...said, ...turns].toSorted((a, b) => a.seq - b.seq).map((one) => one.exchange)
}

/** What the calls of the thread so far mean for the next message of the run. */
export function findingsOf(steps: readonly StepRow[], run_id: string): Findings {
  const marks = steps.flatMap((step) => (step.turn?.calls ?? []).flatMap((call) => call.marks ?? []))
  const ofRun = steps.filter((step) => step.run_id === run_id)
  const sinceMessage = ofRun.slice(ofRun.findLastIndex((step) => step.type === 'message_creation') + 1)
  const image_file_ids = sinceMessage.flatMap((step) =>
    (step.turn?.calls ?? []).flatMap((call) => call.image_file_ids ?? []),
  )
  return { marks, image_file_ids }
}

/** A turn that called tools, with its outcomes. */
export function toolTurn(calls: readonly RecordedCall[]): DraftMessage[] {
  return [
    {
      role: 'assistant',
      content: null,
      tool_calls: calls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: call.arguments },
      })),
    },
    ...calls.map((call): DraftMessage => ({
      role: 'tool',
      tool_call_id: call.id,
      content: call.output ?? '',
    })),
  ]
}

function chatMessage(message: Message): DraftMessage {
  if (message.role === 'assistant') {
    return { role: 'assistant', content: message.content.map((part) => spokenText(part)).join('\n') }
  }
  const parts = message.content.flatMap((part): DraftPart[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text.value }]
    return part.type === 'refusal' ? [] : [part]
  })
  const [only] = parts
  return { role: 'user', content: parts.length === 1 && only?.type === 'text' ? only.text : parts }
}

function spokenText(part: Message['content'][number]): string {
  if (part.type === 'text') return part.text.value
  return part.type === 'refusal' ? part.refusal : ''
}
