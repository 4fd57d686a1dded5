/** The free slots of the worker of this process. With one, a request starts the run that it queues, without a claim. */
import type { Created, WrittenRun } from './write-transition.ts'
import type { Transition } from './state.ts'

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
