/** What the owner of a run tells the listeners of its own process, from memory, in order. */
import type { Entry, NumberedEntry } from '../sql/run-events.ts'

/** An entry as told; its number in the log is null until the log has it. */
export interface FeedEntry extends Entry {
  number: number | null
}

/** How many entries are held for readers who have fallen behind; beyond it they read the log. */
const heldLimit = 4096

/** Open while this process owns the run; `ended` with its lease, `lost` when another process took the run. */
export class Feed {
  readonly run_id: string
  /** Entries up to this number were in the log before this feed began. */
  readonly base: number
  /** Entries up to this number are in the log and were told here, or lie before `base`. */
  confirmed: number
  state: 'open' | 'ended' | 'lost' = 'open'
  #held: FeedEntry[] = []
  #dropped = 0
  #waiting = new Set<() => void>()
  #isWaking = false

  constructor(run_id: string, base: number) {
    this.run_id = run_id
    this.base = base
    this.confirmed = base
  }

  /** Tells entries ahead of the log; the objects are numbered later by `confirm`. */
  tell(entries: FeedEntry[]): void {
    this.#held.push(...entries)
    if (this.#held.length > heldLimit * 2) this.#drop()
    this.#wake()
  }

  /** Tells entries that the log has. */
  tellNumbered(entries: NumberedEntry[]): void {
    const last = entries.at(-1)
    if (!last) return
    this.tell(entries)
    this.confirmed = Math.max(this.confirmed, last.number)
  }

  /** Entries that were told ahead, in the order of the log, are now in it; the last one has this number. */
  confirm(entries: FeedEntry[], last: number): void {
    entries.forEach((entry, index) => {
      entry.number = last - entries.length + 1 + index
    })
    this.confirmed = Math.max(this.confirmed, last)
    this.#wake()
  }

  end(state: 'ended' | 'lost'): void {
    this.state = state
    this.#wake()
  }

  /** The place in the feed right after log entry `number`. */
  placeAfter(number: number): number {
    const index = this.#held.findIndex((entry) => entry.number === null || entry.number > number)
    return this.#dropped + (index === -1 ? this.#held.length : index)
  }

  /** What was told since a place, or `behind` when that is no longer held. */
  read(place: number): FeedEntry[] | 'behind' {
    return place < this.#dropped ? 'behind' : this.#held.slice(place - this.#dropped)
  }

  /** Resolves at the next change. */
  async change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  #drop(): void {
    const firstOpen = this.#held.findIndex((entry) => entry.number === null)
    const numbered = firstOpen === -1 ? this.#held.length : firstOpen
    const count = Math.min(numbered, this.#held.length - heldLimit)
    this.#held = this.#held.slice(count)
    this.#dropped += count
  }

  /** A tick later, so that tokens which came in one piece leave in one piece: a write costs more than all else. */
  #wake(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    setImmediate(() => {
      this.#isWaking = false
      const waiting = this.#waiting
      this.#waiting = new Set()
      for (const done of waiting) done()
    })
  }
}
