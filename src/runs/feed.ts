/** The events of a run for readers in the process that owns it: from memory, in order, some before their commit. */
import type { LogEvent, NumberedEvent } from '../sql/run-events.ts'

/** An event; its number is null until the log has it. */
export interface FeedEvent extends LogEvent {
  number: number | null
}

/** Bytes of events that are held for slow readers; a reader that falls behind them reads the log. */
const heldBytesLimit = 1024 * 1024

/** Bytes of events that a reader gets at once; it gets more when it has sent these. */
const readBytesLimit = 64 * 1024

/**
 * `open` while this process works on the run; `ended` when the run has ended or waits for its client; `lost` when this process
 * no longer owns the run and another one may continue it.
 */
export class Feed {
  readonly run_id: string
  /** Events up to this number were in the log before this feed began. */
  readonly base: number
  /** Events up to this number are in the log and were emitted here, or lie before `base`. */
  confirmed: number
  state: 'open' | 'ended' | 'lost' = 'open'
  #held: FeedEvent[] = []
  #heldBytes = 0
  #dropped = 0
  readonly #listeners = new Set<() => void>()
  #isWaking = false

  constructor(run_id: string, base: number) {
    this.run_id = run_id
    this.base = base
    this.confirmed = base
  }

  /** Emits events; those without a number get it later, by `confirm`. */
  emit(events: FeedEvent[]): void {
    for (const event of events) {
      this.#held.push(event)
      this.#heldBytes += event.data.length
    }
    if (this.#heldBytes > heldBytesLimit * 2) this.#drop()
    this.#wake()
  }

  /** Emits events that the log has. */
  emitNumbered(events: NumberedEvent[]): void {
    const last = events.at(-1)
    if (!last) return
    this.emit(events)
    this.confirmed = Math.max(this.confirmed, last.number)
  }

  /** These events, in the order of the log, are now in it; the last one has this number. */
  confirm(events: FeedEvent[], last: number): void {
    events.forEach((event, index) => {
      event.number = last - events.length + 1 + index
    })
    this.confirmed = Math.max(this.confirmed, last)
  }

  end(state: 'ended' | 'lost'): void {
    this.state = state
    this.#wake()
  }

  /** The place in the feed right after event `number`. */
  placeAfter(number: number): number {
    const index = this.#held.findIndex((event) => event.number === null || event.number > number)
    return this.#dropped + (index === -1 ? this.#held.length : index)
  }

  /** Events since a place, up to a limit of bytes, or `behind` when they are no longer held. */
  read(place: number): FeedEvent[] | 'behind' {
    if (place < this.#dropped) return 'behind'
    const first = place - this.#dropped
    let end = first
    for (let bytes = 0; end < this.#held.length && bytes < readBytesLimit; end += 1) {
      bytes += this.#held[end]?.data.length ?? 0
    }
    return this.#held.slice(first, end)
  }

  /** Calls `listener` after each change, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #drop(): void {
    let count = 0
    while (this.#heldBytes > heldBytesLimit) {
      const event = this.#held[count]
      if (!event || event.number === null) break
      this.#heldBytes -= event.data.length
      count += 1
    }
    // Without this, each event of a fast answer would copy all that wait for their commit.
    if (count === 0) return
    this.#held = this.#held.slice(count)
    this.#dropped += count
  }

  /** Wakes the readers a tick later: tokens that arrived together are then sent in one write, which is what costs most. */
  #wake(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    setImmediate(() => {
      this.#isWaking = false
      for (const listener of this.#listeners) listener()
    })
  }
}
