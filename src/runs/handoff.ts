/** Where requests that queue a run meet the worker of the same process, so that it can start without a claim. */
import type { Created, WrittenRun } from './write-transition.ts'
import type { Transition } from './state.ts'

/** A free slot of the worker, held for one run. Exactly one of its methods must be called. */
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
  release(): void
}

/** Lives as long as the process; a process without the worker role never has a slot. */
export class Handoff {
  #reserve: (() => Slot | undefined) | undefined

  /** The worker offers its slots; `undefined` ends the offer. */
  offer(reserve: (() => Slot | undefined) | undefined): void {
    this.#reserve = reserve
  }

  reserve(): Slot | undefined {
    return this.#reserve?.()
  }
}
