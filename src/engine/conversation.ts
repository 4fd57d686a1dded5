/** Makes the conversation for the model from a thread: its messages, and between them the turns that called tools. */
import type { Message } from '../api/messages.ts'
import type { ChatContentPart, ChatMessage, OwnedExtras } from '../models/port.ts'
import type { ThreadMessage } from '../sql/messages.ts'
import type { RecordedTurn, StepRow } from '../sql/run-steps.ts'
import type { Findings } from './turn-writer.ts'

/** A message for the model, with images by file id: they are loaded only where the message stays in the conversation. */
export type DraftMessage =
  | Exclude<ChatMessage, { role: 'user' }>
  | { role: 'user'; content: string | DraftPart[] }

export type DraftPart = ChatContentPart | Extract<Message['content'][number], { type: 'image_file' }>

/** Messages that are kept or left out together when a conversation is shortened. */
export interface Exchange {
  messages: DraftMessage[]
  /** Belongs to the current run: never left out. */
  isCurrent: boolean
  /** Thread messages count for `last_messages`, tool turns do not. */
  isMessage: boolean
  /** For the trace. */
  id: string
}

/** The run that the conversation is for, and the providers that get it. */
export interface Reader {
  run_id: string
  /** The providers that may be called. Each gets its own extra data, and not that of others. */
  origins: readonly string[]
  /** The latest turn, if it called unknown functions only: no step records such a turn. */
  unrecorded?: RecordedTurn | undefined
}

interface ToolTurn {
  turn: RecordedTurn
  seq: number
  id: string
  isCurrent: boolean
}

/**
 * Messages and tool turns in order. A turn with text and calls is one assistant message. A message of a run is ordered by
 * its step. A tool turn with a call that has no output is left out, because models refuse it.
 */
export function conversation(
  messages: readonly ThreadMessage[],
  steps: readonly (StepRow & { seq: number })[],
  reader: Reader,
): Exchange[] {
  const turns = toolTurns(steps, reader)
  const ofTurns = new Set(turns.flatMap(({ turn }) => turn.message_ids ?? []))
  const texts = new Map(messages.filter(({ id }) => ofTurns.has(id)).map((one) => [one.id, textOf(one)]))
  const creations = new Map(
    steps.flatMap((step) => {
      const details = step.step_details
      return details.type === 'message_creation' ? [[details.message_creation.message_id, step]] : []
    }),
  )
  const ofMessages = messages
    .filter((message) => message.content.length > 0 && !ofTurns.has(message.id))
    .map((message) => {
      const step = creations.get(message.id)
      const isCurrent = message.run_id === reader.run_id
      const extras = extrasFor(reader, step?.turn)
      const exchange = {
        messages: [chatMessage(message, extras)],
        isCurrent,
        isMessage: true,
        id: message.id,
      }
      return { seq: step?.seq ?? message.seq, exchange }
    })
  const called = turns.map(({ turn, seq, id, isCurrent }) => {
    const present = (turn.message_ids ?? []).filter((message_id) => texts.has(message_id))
    const text = present.map((message_id) => texts.get(message_id)).join('')
    const isMessage = present.length > 0
    const exchange = { messages: toolTurn(turn, text, reader), isCurrent, isMessage, id: present[0] ?? id }
    return { seq, exchange }
  })
  return [...ofMessages, ...called].toSorted((a, b) => a.seq - b.seq).map((one) => one.exchange)
}

function toolTurns(
  steps: readonly (StepRow & { seq: number })[],
  { run_id, unrecorded }: Reader,
): ToolTurn[] {
  const turns = steps.flatMap((step): ToolTurn[] => {
    const { turn, seq, id } = step
    if (!turn || step.type !== 'tool_calls' || turn.calls.length === 0) return []
    if (turn.calls.some((call) => call.output === null)) return []
    return [{ turn, seq, id, isCurrent: step.run_id === run_id }]
  })
  if (!unrecorded) return turns
  return [...turns, { turn: unrecorded, seq: Infinity, id: 'unknown functions', isCurrent: true }]
}

/** The results of the thread's calls that the next message of the run shows. */
export function findingsOf(steps: readonly StepRow[], run_id: string): Findings {
  const marks = steps.flatMap((step) => (step.turn?.calls ?? []).flatMap((call) => call.marks ?? []))
  const ofRun = steps.filter((step) => step.run_id === run_id)
  const sinceMessage = ofRun.slice(ofRun.findLastIndex((step) => step.type === 'message_creation') + 1)
  const image_file_ids = sinceMessage.flatMap((step) =>
    (step.turn?.calls ?? []).flatMap((call) => call.image_file_ids ?? []),
  )
  return { marks, image_file_ids }
}

/** A turn that called tools, with the outputs. A text that the user has deleted since is left out. */
function toolTurn(turn: RecordedTurn, text: string, reader: Reader): DraftMessage[] {
  const isOwn = isFor(reader, turn)
  return [
    {
      role: 'assistant',
      content: text === '' ? null : text,
      tool_calls: turn.calls.map(({ id, name, arguments: written, extras }) => ({
        id,
        type: 'function',
        function: { name, arguments: written },
        ...(isOwn && extras !== undefined && { extras }),
      })),
      ...(isOwn && turn.extras !== undefined && { extras: turn.extras }),
      ...(isOwn && turn.origin !== undefined && { origin: turn.origin }),
    },
    ...turn.calls.map((call): DraftMessage => ({
      role: 'tool',
      tool_call_id: call.id,
      content: call.output ?? '',
    })),
  ]
}

function isFor({ origins }: Reader, { origin }: RecordedTurn): boolean {
  return origin !== undefined && origins.includes(origin)
}

function extrasFor(reader: Reader, turn: RecordedTurn | null | undefined): OwnedExtras {
  const { extras, origin } = turn ?? {}
  return turn && extras !== undefined && origin !== undefined && isFor(reader, turn) ? { extras, origin } : {}
}

function chatMessage(message: Message, extras: OwnedExtras): DraftMessage {
  if (message.role === 'assistant') return { role: 'assistant', content: textOf(message), ...extras }
  const parts = message.content.flatMap((part): DraftPart[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text.value }]
    return part.type === 'refusal' ? [] : [part]
  })
  const [only] = parts
  return { role: 'user', content: parts.length === 1 && only?.type === 'text' ? only.text : parts }
}

function textOf({ content }: Message): string {
  const texts = content.map((part) => {
    if (part.type === 'text') return part.text.value
    return part.type === 'refusal' ? part.refusal : ''
  })
  return texts.filter((text) => text !== '').join('\n')
}
