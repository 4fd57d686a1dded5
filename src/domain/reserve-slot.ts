/** How a request starts the run that it has queued, where this process has a free slot for it. */
import { both } from '../runs/next.ts'
import type { Slot } from '../runs/handoff.ts'
import type { PersistedRun } from '../runs/persist.ts'
import type { Transition } from '../runs/state.ts'
import { hasSessionElsewhere } from '../sql/leases.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** A free slot of this process for a run on a thread, unless another process holds the thread's session. */
export async function reserveSlot(context: Context, thread_id: string): Promise<Slot | undefined> {
  const slot = context.handoff.reserve()
  // A database that is not shared has no other processes.
  if (!slot || !context.hints.shared) return slot
  const isElsewhere = await orRelease(slot, hasSessionElsewhere(context.db, thread_id, slot.worker))
  if (!isElsewhere) return slot
  slot.release()
  return undefined
}

/** The transition that queues a run, and with a slot also claims it. */
export function claimedBy(context: Context, slot: Slot | undefined, queued: Transition): Transition {
  if (!slot) return queued
  return both(queued, { kind: 'claimed', at: nowSeconds(context.clock), worker: slot.worker })
}

/** Releases the slot when the work fails. */
export async function orRelease<Result>(slot: Slot | undefined, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    slot?.release()
    throw error
  }
}

/** After the commit: starts the run in its slot, or wakes those who might claim it. */
export function startOrQueue(context: Context, slot: Slot | undefined, run: PersistedRun): void {
  if (slot) slot.start(run)
  else context.hints.tell({ kind: 'queue' })
}
