/** Starts the run of a request at once when the worker of this process has a free slot. */
import { followedBy } from '../runs/next.ts'
import type { Slot } from '../runs/slots.ts'
import type { WrittenRun } from '../runs/write-transition.ts'
import type { Transition } from '../runs/state.ts'
import { hasSessionElsewhere } from '../sql/leases.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Context } from './context.ts'

/** What functions that queue a run use. */
export type SlotContext = Pick<Context, 'clock' | 'db' | 'hints' | 'slots'>

/** Reserves a slot for a run on a thread; undefined when none is free or another process holds the thread's session. */
export async function reserveSlot(context: SlotContext, thread_id: string): Promise<Slot | undefined> {
  const slot = context.slots.reserve()
  // A database that is not shared has no other processes.
  if (!slot || !context.hints.shared) return slot
  const isElsewhere = await orRelease(slot, hasSessionElsewhere(context.db, thread_id, slot.worker))
  if (!isElsewhere) return slot
  slot.release()
  return undefined
}

/** The transition that queues a run and, with a slot, claims it. */
export function claimedBy(
  { clock }: Pick<Context, 'clock'>,
  slot: Slot | undefined,
  queued: Transition,
): Transition {
  if (!slot) return queued
  return followedBy(queued, { kind: 'claimed', at: nowSeconds(clock), worker: slot.worker })
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

/** After the commit: starts the run in its slot, or sends the hint that a run is queued. */
export function startOrQueue(
  { hints }: Pick<Context, 'hints'>,
  slot: Slot | undefined,
  run: WrittenRun,
): void {
  if (slot) slot.start(run)
  else hints.send({ kind: 'queue' })
}
