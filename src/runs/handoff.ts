/** Where those who queue a run meet the worker of the same process, so that it can begin without a claim. */
import type { NumberedEntry } from '../sql/run-events.ts'
import type { RunRow } from '../sql/runs.ts'

/** A free slot of the worker, held for one run. Exactly one of `take` and `release` must be called. */
export interface Slot {
  /** Who will own the run. */
  worker: string
  /** Begins the run, which is committed as owned by `worker`; `entries` are what the log got with it. */
  take(row: RunRow, entries: NumberedEntry[]): void
  release(): void
}

/** Lives as long as the process; a process without the worker role never has a slot. */
export class Handoff {
  #reserve: (() => Slot | undefined) | undefined

  /** The worker offers its slots; `undefined` takes the offer back. */
  offer(reserve: (() => Slot | undefined) | undefined): void {
    this.#reserve = reserve
  }

  reserve(): Slot | undefined {
    return this.#reserve?.()
  }
}
