/** The log of runs for readers: from memory where this process owns the run, else from the database. */
import { errors } from '../api/errors.ts'
import { terminalRunEvents } from '../api/events.ts'
import { DatabaseUnavailable, type Queryable } from '../database/database.ts'
import { retried } from '../database/retry.ts'
import { readEvents, type LogEvent, type NumberedEvent } from '../sql/run-events.ts'
import { statusOfRun } from '../sql/runs.ts'
import { Closing } from '../util/abort.ts'
import type { Feed, FeedEvent } from './feed.ts'
import type { Hints } from './hints.ts'

/** Readers look at the log this often even without a hint. */
const pollMs = 1000

/** Lives as long as the process. An unavailable database delays its readers and does not end them. */
export class RunLog {
  readonly #db: Queryable
  readonly #feeds = new Map<string, Feed>()
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #closing = new Closing()
  readonly #unsubscribe: () => void

  constructor(db: Queryable, hints: Hints) {
    this.#db = db
    this.#unsubscribe = hints.subscribe((hint) => {
      if (hint.kind === 'log') hint.run_ids.forEach((run_id) => this.#wake(run_id))
      if (hint.kind === 'all') for (const run_id of this.#waiting.keys()) this.#wake(run_id)
    })
  }

  addFeed(feed: Feed): void {
    this.#feeds.set(feed.run_id, feed)
    this.#wake(feed.run_id)
  }

  removeFeed(feed: Feed): void {
    if (this.#feeds.get(feed.run_id) === feed) this.#feeds.delete(feed.run_id)
  }

  /**
   * Events after number `after`, in batches, as soon as they are emitted; ends with the first one that is `last`.
   * Throws `LogClosed` when the server stops first, and not-found when the run was deleted.
   */
  async *tail(
    run_id: string,
    after: number,
    options: { isLast: (event: string) => boolean; signal: AbortSignal },
  ): AsyncGenerator<LogEvent[]> {
    const { signal, release } = this.#closing.or(options.signal)
    const reader = new Reader(run_id, after, signal)
    try {
      while (!signal.aborted) {
        const feed = reader.feed ?? this.#feeds.get(run_id)
        const batch =
          feed && reader.enter(feed) ? await reader.fromFeed(feed) : await this.#fromLog(reader, signal)
        const end = batch.findIndex((event) => options.isLast(event.event))
        if (batch.length > 0) yield end === -1 ? batch : batch.slice(0, end + 1)
        if (end !== -1) return
      }
    } catch (error) {
      if (!isEndOfWait(error, signal)) throw error
    } finally {
      reader.close()
      release()
    }
    if (this.#closing.isClosed) throw new LogClosed()
  }

  /**
   * Committed events only, with their numbers; ends when the run has ended and all of them were returned. Throws
   * `LogClosed` when the server stops first, and not-found when the run was deleted.
   */
  async *follow(run_id: string, after: number, signal: AbortSignal): AsyncGenerator<NumberedEvent[]> {
    const { signal: stop, release } = this.#closing.or(signal)
    try {
      yield* this.#committed(run_id, after, stop)
    } catch (error) {
      if (!isEndOfWait(error, stop)) throw error
    } finally {
      release()
    }
    if (this.#closing.isClosed) throw new LogClosed()
  }

  async *#committed(run_id: string, after: number, signal: AbortSignal): AsyncGenerator<NumberedEvent[]> {
    let last = after
    while (!signal.aborted) {
      let events = await this.#newEvents(run_id, last, signal)
      if (events.length === 0 && (await this.#hasEnded(run_id, signal))) {
        // The end may have come after the log was read.
        events = await retried(() => readEvents(this.#db, run_id, last), signal)
        if (events.length === 0) return
      }
      last = events.at(-1)?.number ?? last
      if (events.length > 0) yield events
    }
  }

  /** Ends every open tail. */
  close(): void {
    this.#unsubscribe()
    this.#closing.close()
  }

  /** Whether the run has ended; throws when it was deleted with its thread. */
  async #hasEnded(run_id: string, signal: AbortSignal): Promise<boolean> {
    const status = await retried(() => statusOfRun(this.#db, run_id), signal)
    if (status === undefined) throw errors.notFound('run', run_id)
    return terminalRunEvents.has(`thread.run.${status}`)
  }

  async #fromLog(reader: Reader, signal: AbortSignal): Promise<LogEvent[]> {
    const { run_id } = reader
    const events = await this.#newEvents(run_id, reader.after, signal)
    if (reader.readLog(events) > 1) await this.#hasEnded(run_id, signal)
    return events
  }

  /** Listens first and then reads; without new events it waits for a hint, `pollMs`, or the abort. */
  async #newEvents(run_id: string, after: number, signal: AbortSignal): Promise<NumberedEvent[]> {
    const news = this.#news(run_id, signal)
    const events = await retried(() => readEvents(this.#db, run_id, after), signal).catch(
      (error: unknown) => {
        news.cancel()
        throw error
      },
    )
    if (events.length > 0) news.cancel()
    await news.promise
    return events
  }

  #news(run_id: string, signal: AbortSignal): { promise: Promise<void>; cancel: () => void } {
    const waiting = this.#waiting.get(run_id) ?? new Set()
    this.#waiting.set(run_id, waiting)
    let cancel = () => {}
    const promise = new Promise<void>((resolve) => {
      cancel = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', cancel)
        waiting.delete(cancel)
        if (waiting.size === 0 && this.#waiting.get(run_id) === waiting) this.#waiting.delete(run_id)
        resolve()
      }
      const timer = setTimeout(cancel, pollMs)
      waiting.add(cancel)
      signal.addEventListener('abort', cancel, { once: true })
      if (signal.aborted) cancel()
    })
    return { promise, cancel }
  }

  #wake(run_id: string): void {
    for (const done of this.#waiting.get(run_id) ?? []) done()
  }
}

/** A read that waits for an unavailable database throws its error when it is aborted. */
const isEndOfWait = (error: unknown, signal: AbortSignal) =>
  signal.aborted && error instanceof DatabaseUnavailable

/** The server stops while a reader still waits. */
export class LogClosed extends Error {
  constructor() {
    super('the server is stopping')
    this.name = 'LogClosed'
  }
}

/** One reader's place: a number in the log, or a place in a feed. */
class Reader {
  readonly run_id: string
  after: number
  /** The feed that is being read; the reader stays with it until it ends. */
  feed: Feed | undefined
  #place = 0
  #emptyReads = 0
  #lastEmitted: FeedEvent | undefined
  readonly #signal: AbortSignal
  #stopListening = () => {}
  /** Ends the wait for a change of the feed. */
  readonly #wake = () => this.#resolve()
  #resolve = () => {}

  constructor(run_id: string, after: number, signal: AbortSignal) {
    this.run_id = run_id
    this.after = after
    this.#signal = signal
    signal.addEventListener('abort', this.#wake, { once: true })
  }

  /** The reader must not be used after this. */
  close(): void {
    this.#stopListening()
    this.#signal.removeEventListener('abort', this.#wake)
  }

  /** Returns how many reads in a row had nothing new. */
  readLog(events: NumberedEvent[]): number {
    this.after = events.at(-1)?.number ?? this.after
    this.#emptyReads = events.length === 0 ? this.#emptyReads + 1 : 0
    return this.#emptyReads
  }

  /**
   * Switches to the feed if the feed can continue from this place; returns whether the reader is in it. A feed cannot while
   * it has not confirmed all events that were read in the log: they may include early events that it still holds.
   */
  enter(feed: Feed): boolean {
    if (this.feed === feed) return true
    if (feed.base > this.after || feed.confirmed < this.after) return false
    const place = feed.placeAfter(this.after)
    if (feed.read(place) === 'behind') return false
    this.feed = feed
    this.#stopListening = feed.listen(this.#wake)
    this.#place = place
    return true
  }

  /** What the feed has emitted since; without new events it waits for a change. Leaves a feed that has ended. */
  async fromFeed(feed: Feed): Promise<LogEvent[]> {
    const emitted = feed.read(this.#place)
    if (emitted === 'behind') {
      // Only numbered events are dropped, so the last one that was read has its number by now.
      this.#leave(this.#lastEmitted?.number ?? this.after)
      return []
    }
    if (emitted.length === 0) {
      if (feed.state === 'open') await this.#change()
      else this.#leave(feed.confirmed)
      return []
    }
    this.#place += emitted.length
    this.#lastEmitted = emitted.at(-1)
    // In a feed, events of other processes can follow early events that have higher numbers. The reader may know them
    // from the log.
    return emitted.filter((event) => event.number === null || event.number > this.after)
  }

  async #change(): Promise<void> {
    if (!this.#signal.aborted) await new Promise<void>((resolve) => (this.#resolve = resolve))
  }

  #leave(number: number): void {
    this.after = Math.max(this.after, number)
    this.feed = undefined
    this.#stopListening()
    this.#lastEmitted = undefined
  }
}
