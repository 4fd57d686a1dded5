/** Puts the messages, steps and runs of imported threads into their order. */
import type { Database } from '../database/database.ts'
import {
  itemsOfThread,
  renumberItems,
  renumberRuns,
  threadsToOrder,
  type OrderedItem,
} from '../sql/imports.ts'
import { lockThread } from '../sql/threads.ts'

const pageSize = 1000

interface Ordering {
  project: string
  threads: ReadonlyMap<string, number>
  /** Known orders by thread. */
  orders: ReadonlyMap<string, string[]>
  signal: AbortSignal
  onProgress?: (progress: { phase: 'ordering'; done: number; total: number }) => void
}

/** Returns how many threads were in another order. */
export async function orderThreads(db: Database, ordering: Ordering): Promise<number> {
  const { project, threads, signal, onProgress } = ordering
  const ids = [...threads.keys()]
  let changed = 0
  for (let start = 0; start < ids.length; start += pageSize) {
    const page = await threadsToOrder(db, project, ids.slice(start, start + pageSize))
    for (const id of page) {
      signal.throwIfAborted()
      if (await orderThread(db, project, { id, known: ordering.orders.get(id) })) changed += 1
    }
    onProgress?.({ phase: 'ordering', done: start, total: ids.length })
  }
  return changed
}

async function orderThread(
  db: Database,
  project: string,
  { id, known }: { id: string; known: string[] | undefined },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    if (!(await lockThread(tx, project, id, 'exclusive'))) return false
    const { messages, steps, runs } = await itemsOfThread(tx, id)
    const before = [...messages, ...steps].toSorted((a, b) => a.seq - b.seq)
    const items = orderItems({ messages, steps }, known)
    const isSame = items.every((item, index) => item === before[index]?.id) && (before[0]?.seq ?? 1) > 0
    if (!isSame) await renumberItems(tx, items)
    const sorted = runs.toSorted(byTime)
    const isSameRuns = sorted.every((run, index) => run.id === runs[index]?.id) && (runs[0]?.seq ?? 1) > 0
    if (!isSameRuns)
      await renumberRuns(
        tx,
        sorted.map((run) => run.id),
      )
    return !isSame || !isSameRuns
  })
}

/**
 * Ids of all messages and steps, oldest first. When `known` names all of them, this is the order. Otherwise messages are
 * ordered by time, then by `seq`. A step that created a message comes directly before it, after the earlier steps of its
 * run. All other steps are ordered by time.
 */
function orderItems(
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
