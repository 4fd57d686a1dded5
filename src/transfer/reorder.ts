/** Puts the messages, steps and runs of imported threads into their order. */
import type { Database } from '../database/database.ts'
import { itemsOfThread, renumberItems, renumberRuns, threadsToOrder } from '../sql/imports.ts'
import { lockThread } from '../sql/threads.ts'
import { orderItems } from './order.ts'

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
    const sorted = runs.toSorted((a, b) => a.created_at - b.created_at || a.seq - b.seq)
    const isSameRuns = sorted.every((run, index) => run.id === runs[index]?.id) && (runs[0]?.seq ?? 1) > 0
    if (!isSameRuns)
      await renumberRuns(
        tx,
        sorted.map((run) => run.id),
      )
    return !isSame || !isSameRuns
  })
}
