/** The order of the messages and steps of a thread, for rows that were imported in another order. */
import type { OrderedItem } from '../sql/imports.ts'

/**
 * Ids of all messages and steps, oldest first. When `known` names all of them, this is the order. Otherwise messages are
 * ordered by time, then by `seq`. A step that created a message comes directly before it, after the earlier steps of its
 * run. All other steps are ordered by time.
 */
export function orderItems(
  { messages, steps }: { messages: readonly OrderedItem[]; steps: readonly OrderedItem[] },
  known: readonly string[] = [],
): string[] {
  const place = new Map(known.map((id, index) => [id, index]))
  const ids = [...messages, ...steps].map(({ id }) => id)
  if (ids.every((id) => place.has(id)))
    return ids.toSorted((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0))
  const present = new Set(messages.map(({ id }) => id))
  const { before, loose } = anchorSteps(steps.toSorted(byTime), present)
  const anchored = messages
    .toSorted(byTime)
    .flatMap(({ id, created_at }) => [...(before.get(id) ?? []), id].map((one) => ({ id: one, created_at })))
  return merge(anchored, loose.toSorted(byTime))
}

function byTime(a: OrderedItem, b: OrderedItem): number {
  return a.created_at - b.created_at || a.seq - b.seq
}

/** The steps before each message, and the steps without a message. */
function anchorSteps(
  steps: readonly OrderedItem[],
  present: ReadonlySet<string>,
): { before: Map<string, string[]>; loose: OrderedItem[] } {
  const before = new Map<string, string[]>()
  const waiting = new Map<string, OrderedItem[]>()
  for (const step of steps) {
    const run = step.run_id ?? ''
    const ofRun = [...(waiting.get(run) ?? []), step]
    if (step.message_id === null || !present.has(step.message_id)) {
      waiting.set(run, ofRun)
    } else {
      before.set(step.message_id, [...(before.get(step.message_id) ?? []), ...ofRun.map(({ id }) => id)])
      waiting.delete(run)
    }
  }
  return { before, loose: [...waiting.values()].flat() }
}

/** Puts a step without a message after all items of the same second. */
function merge(anchored: readonly { id: string; created_at: number }[], loose: OrderedItem[]): string[] {
  const merged: string[] = []
  let next = 0
  for (const item of anchored) {
    for (; next < loose.length && (loose[next]?.created_at ?? 0) < item.created_at; next += 1) {
      merged.push(loose[next]?.id ?? '')
    }
    merged.push(item.id)
  }
  return [...merged, ...loose.slice(next).map(({ id }) => id)]
}
