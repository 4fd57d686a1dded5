/** What a client makes of the log of a run. */
import { expect } from 'vitest'
import type { Message } from '../../src/api/messages.ts'
import { withDelta } from '../../src/runs/content.ts'

export interface LoggedEvent {
  event: string
  data: any
}

export interface Replayed {
  messages: Map<string, Message>
  steps: Map<string, any>
}

/** The objects that the log of a run makes for a client that follows it, less what recoveries removed. */
export function replayLog(log: readonly LoggedEvent[], removed: Iterable<string>): Replayed {
  const messages = new Map<string, Message>()
  const steps = new Map<string, any>()
  const ended = new Set<string>()
  for (const { event, data } of log) {
    const kind = /^thread\.(message|run\.step)\.(\w+)$/.exec(event)
    if (!kind) continue
    // An object ends once, and has no event after its end.
    expect(ended).not.toContain(data.id)
    const isMessage = kind[1] === 'message'
    if (kind[2] === 'delta' && isMessage) {
      const message = messages.get(data.id)
      if (!message) throw new Error(`a delta came before its message: ${JSON.stringify(data)}`)
      messages.set(data.id, data.delta.content.reduce(withDelta, message))
    } else if (kind[2] === 'delta') {
      expect(steps.has(data.id)).toBe(true)
    } else if (isMessage) {
      // What the deltas made is what the message ends with.
      if (data.status !== 'in_progress') expect(data.content).toEqual(messages.get(data.id)?.content)
      messages.set(data.id, data)
    } else steps.set(data.id, data)
    if (kind[2] !== 'delta' && data.status !== 'in_progress') ended.add(data.id)
  }
  for (const id of removed) {
    messages.delete(id)
    steps.delete(id)
  }
  return { messages, steps }
}
