/** A run put together from its events, as an SDK's accumulator does it. */
import type { Message, MessageDelta, Run, RunStep, StepDelta } from '../api/types.ts'

export interface LoggedEvent {
  number: number
  event: string
  /** The payload as JSON text. */
  data: string
  /** When this page received it, Unix ms. */
  receivedAt: number
}

export interface RunState {
  run: Run | undefined
  steps: Map<string, RunStep>
  messages: Map<string, Message>
  events: LoggedEvent[]
  /** Number of the newest event. */
  last: number
  /** The run's log has come to its end. */
  isEnded: boolean
}

export function emptyState(): RunState {
  return { run: undefined, steps: new Map(), messages: new Map(), events: [], last: 0, isEnded: false }
}

const endings = new Set(['completed', 'incomplete', 'failed', 'cancelled', 'expired'])

export function isOver(status: string | undefined): boolean {
  return status !== undefined && endings.has(status)
}

/** Adds one event; entries that are known already change nothing. */
export function applyEvent(state: RunState, entry: LoggedEvent): void {
  if (entry.number <= state.last) return
  state.last = entry.number
  state.events.push(entry)
  const { event } = entry
  const data: unknown = JSON.parse(entry.data)
  if (event === 'thread.message.delta') applyMessageDelta(state, data as MessageDelta)
  else if (event === 'thread.run.step.delta') applyStepDelta(state, data as StepDelta)
  else if (event.startsWith('thread.message.')) {
    const message = data as Message
    state.messages.set(message.id, message)
  } else if (event.startsWith('thread.run.step.')) {
    const step = data as RunStep
    // A step that begins is sent with no calls; one that has ended is whole.
    state.steps.set(step.id, step)
  } else if (event.startsWith('thread.run.')) {
    state.run = data as Run
    state.isEnded = isOver(state.run.status)
  }
}

function applyMessageDelta(state: RunState, { id, delta }: MessageDelta): void {
  const message = state.messages.get(id)
  if (!message) return
  const content = [...message.content]
  for (const part of delta.content ?? []) {
    const known = content[part.index]
    if (part.type === 'text') {
      const before = known?.type === 'text' ? known.text : { value: '', annotations: [] }
      const annotations = [...before.annotations, ...(part.text?.annotations ?? [])]
      content[part.index] = {
        type: 'text',
        text: { value: before.value + (part.text?.value ?? ''), annotations: annotations as [] },
      }
    } else if (part.type === 'refusal') {
      const before = known?.type === 'refusal' ? known.refusal : ''
      content[part.index] = { type: 'refusal', refusal: before + (part.refusal ?? '') }
    } else if (part.type === 'image_file' && part.image_file) {
      content[part.index] = { type: 'image_file', image_file: part.image_file as { file_id: string } }
    }
  }
  state.messages.set(id, { ...message, content })
}

function applyStepDelta(state: RunState, { id, delta }: StepDelta): void {
  const step = state.steps.get(id)
  const pieces = delta.step_details?.type === 'tool_calls' ? (delta.step_details.tool_calls ?? []) : []
  if (!step || step.step_details.type !== 'tool_calls') return
  const calls: object[] = [...step.step_details.tool_calls]
  for (const { index, ...piece } of pieces) {
    calls[index] = joined(calls[index] ?? {}, piece) as object
  }
  const step_details = { type: 'tool_calls' as const, tool_calls: calls as [] }
  state.steps.set(id, { ...step, step_details })
}

/** Texts are joined, but for what never comes in pieces; lists are joined by `index`; objects key by key. */
function joined(before: unknown, piece: unknown, key = ''): unknown {
  if (piece === undefined || piece === null) return before ?? piece
  if (typeof piece === 'string' && typeof before === 'string') {
    return key === 'type' || key === 'id' ? piece : before + piece
  }
  if (Array.isArray(piece)) {
    const list: unknown[] = Array.isArray(before) ? [...(before as unknown[])] : []
    for (const one of piece as Record<string, unknown>[]) {
      const { index, ...rest } = one
      if (typeof index === 'number') list[index] = joined(list[index], rest)
      else list.push(one)
    }
    return list
  }
  if (typeof piece === 'object' && typeof before === 'object' && before !== null) {
    const all: Record<string, unknown> = { ...(before as Record<string, unknown>) }
    for (const [name, value] of Object.entries(piece)) all[name] = joined(all[name], value, name)
    return all
  }
  return piece
}
