/** A free slot of this process for a run on a thread, unless another process holds the thread's session. */
import type { Slot } from '../runs/handoff.ts'
import { hasSessionElsewhere } from '../sql/leases.ts'
import type { Context } from './context.ts'

export async function reserveSlot(context: Context, thread_id: string): Promise<Slot | undefined> {
  const slot = context.handoff.reserve()
  // A database that nobody shares has no other processes.
  if (!slot || !context.hints.shared) return slot
  try {
    if (!(await hasSessionElsewhere(context.db, thread_id, slot.worker))) return slot
  } catch (error) {
    slot.release()
    throw error
  }
  slot.release()
  return undefined
}
