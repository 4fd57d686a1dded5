/** The free slots of the worker of this process. A request that gets one starts its run at once; no worker has to claim it. */
import type { Queryable } from '../database/database.ts'
import { hasSessionElsewhere } from '../sql/leases.ts'
import { nowSeconds, type Clock } from '../util/clock.ts'
import type { Hints } from './hints.ts'
import { followedBy } from './next.ts'
import type { Transition } from './state.ts'
import type { Created, WrittenRun } from './write-transition.ts'

/** A slot of the worker, reserved for one run. Exactly one of its methods must be called. */
export interface Slot {
  /** Who will own the run. */
  worker: string
  /** Starts the work on a run that is committed as owned by `worker`. */
  start(run: WrittenRun): void
  /**
   * Creates a run and starts the work on it at once: the model may be asked before the commit, and what it answers is
   * emitted after it. Resolves after the commit; when it throws, the work has been stopped.
   */
  create(transition: Transition, created: Created): Promise<void>
  /** Ends the reservation without a run. */
  release(): void
}

/** Lives as long as the process. In a process without the role `worker` there is never a slot. */
export class Slots {
  #reserve: (() => Slot | undefined) | undefined

  /** Called by the worker, which then offers its slots; `undefined` ends the offer. */
  offer(reserve: (() => Slot | undefined) | undefined): void {
    this.#reserve = reserve
  }

  /** Undefined when no slot is free. */
  reserve(): Slot | undefined {
    return this.#reserve?.()
  }
}

/** What functions that queue a run use. */
export interface SlotContext {
  clock: Clock
  db: Queryable
  hints: Hints
  slots: Slots
}

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
  { clock }: Pick<SlotContext, 'clock'>,
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

/** The notification for a run that this process does not start. */
export function queueHint({ hints }: Pick<SlotContext, 'hints'>, slot: Slot | undefined): string[] {
  return slot ? [] : hints.notifications({ kind: 'queue' })
}

/** After the commit: starts the run in its slot, or sends the hint that a run is queued. */
export function startOrQueue(
  { hints }: Pick<SlotContext, 'hints'>,
  slot: Slot | undefined,
  run: WrittenRun,
): void {
  if (slot) slot.start(run)
  else hints.send({ kind: 'queue' })
}
