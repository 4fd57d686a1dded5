/** One run that this process owns: its state, its feed, and what waits to be written. */
import type { Message } from '../api/messages.ts'
import type { NumberedEvent } from '../sql/run-events.ts'
import type { StepRow } from '../sql/run-steps.ts'
import type { OwnerFence, RunWrite } from '../sql/run-writes.ts'
import type { RunRow, TraceEntry } from '../sql/runs.ts'
import { nowSeconds, type Clock } from '../util/clock.ts'
import { closedTurn } from './objects.ts'
import { Feed, type FeedEvent } from './feed.ts'
import { next } from './next.ts'
import { lostAttempt } from './recover.ts'
import type { RunLog } from './run-log.ts'
import type { Fact, RunState, Transition, OpenTurn } from './state.ts'

/** `lost`: the run is no longer owned by this process, and the write did not happen or may not have happened. */
export type WriteResult = 'written' | 'lost'

/** What an owned run uses of its process. */
export interface OwnedRunDependencies {
  runLog: RunLog
  clock: Clock
  /** Whether this process may emit events before they are committed. */
  isConfirmed: () => boolean
  /** The run has something to write: soon, or at once. */
  schedule: (run: OwnedRun, urgency: 'soon' | 'now') => void
}

export interface OwnerWrite extends RunWrite<OwnerFence> {
  /** The write adds events only: the row changes in its counters, and nothing else is written. */
  isAppend: boolean
}

interface Waiter {
  resolve: (result: WriteResult) => void
  reject: (error: unknown) => void
}

/** What waits to be written, in order. */
interface Pending {
  events: (FeedEvent & { isEarly: boolean })[]
  /** How many of the events have been emitted. */
  emitted: number
  steps: Map<string, StepRow>
  messages: Map<string, Message>
}

/** A write whose result is not known yet. */
interface Flight {
  write: OwnerWrite
  pending: Pending
  events: FeedEvent[]
  waiters: Waiter[]
  applied: { fact: Fact; transition: Transition } | undefined
}

const nothing = (): Pending => ({ events: [], emitted: 0, steps: new Map(), messages: new Map() })

/** Lives from the claim of a run to the end of its lease. */
export class OwnedRun {
  readonly feed: Feed
  /** Aborts when the run is no longer owned by this process. */
  readonly lost: AbortSignal
  /** Bytes of events that wait. */
  pendingBytes = 0
  readonly #dependencies: OwnedRunDependencies
  readonly #losing = new AbortController()
  #state: RunState
  /** The row as the database has it, unless somebody else has changed it. */
  #storedRow: RunRow
  #pending = nothing()
  #statusFact: Fact | undefined
  #waiters: Waiter[] = []
  #flight: Flight | undefined
  #isCreated: boolean
  /** The urgency of the write that follows the creation of the run; undefined without such a write. */
  #urgencyAfterCreation: 'soon' | 'now' | undefined
  /** Ids of objects that the database has. */
  readonly #stored = new Set<string>()

  /**
   * `events` are those that the log got when the run was claimed. For a run that is being created, nothing is emitted
   * or written until `created` is called.
   */
  constructor(
    dependencies: OwnedRunDependencies,
    state: RunState,
    events: NumberedEvent[],
    isCreated = true,
  ) {
    this.#dependencies = dependencies
    this.#state = state
    this.#storedRow = state.row
    this.lost = this.#losing.signal
    this.feed = new Feed(state.row.id, state.row.event_count - events.length)
    this.#isCreated = isCreated
    if (isCreated) this.feed.emitNumbered(events)
    if (state.openTurn?.callsStep) this.#stored.add(state.openTurn.callsStep.id)
    dependencies.runLog.addFeed(this.feed)
  }

  get state(): RunState {
    return this.#state
  }

  get row(): RunRow {
    return this.#state.row
  }

  /** The run is committed; `events` are those that the log got. */
  created(events: NumberedEvent[]): void {
    this.#isCreated = true
    this.feed.emitNumbered(events)
    this.#emitEarly()
    if (this.#urgencyAfterCreation) this.#dependencies.schedule(this, this.#urgencyAfterCreation)
  }

  /** Whether a write that ends the lease is on its way: a heartbeat may read the row before or after it. */
  get isEnding(): boolean {
    return this.#flight?.write.row.lease_owner === null
  }

  /** Applies a fact that does not change the status. Its early events are emitted now; all of it is written soon. */
  apply(fact: Fact): void {
    if (this.lost.aborted) return
    const { state, steps, messages, events } = next(this.#state, fact)
    this.#state = state
    const pending = this.#pending
    for (const step of steps) pending.steps.set(step.id, step)
    for (const message of messages) pending.messages.set(message.id, message)
    for (const { event, data, isEarly } of events) {
      pending.events.push({ event, data, number: null, isEarly })
      this.pendingBytes += data.length
    }
    this.#emitEarly()
    this.#schedule(steps.length > 0 ? 'now' : 'soon')
  }

  /** Applies a fact that may change the status. It is applied to the row as it is when the write is made. */
  async changeStatus(fact: Fact): Promise<WriteResult> {
    if (this.#statusFact)
      throw new Error(`run ${this.row.id} was expected to change its status once at a time`)
    this.#statusFact = fact
    return this.flush()
  }

  /** Resolves when all that was applied so far is in the database. */
  async flush(): Promise<WriteResult> {
    if (this.lost.aborted) return 'lost'
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#schedule('now')
    })
  }

  /** Adds to the run's trace; it is written with the next events. */
  trace(entry: TraceEntry): void {
    const { row } = this.#state
    this.#state = { ...this.#state, row: { ...row, trace: [...row.trace, entry] } }
  }

  /** For the writer: what to write now. Undefined when there is nothing. */
  takeWrite(): OwnerWrite | undefined {
    if (this.lost.aborted) return undefined
    const applied = this.#applyStatusFact()
    const pending = this.#pending
    const waiters = this.#waiters.splice(0)
    if (!applied && pending.events.length + pending.steps.size + pending.messages.size === 0) {
      for (const waiter of waiters) waiter.resolve('written')
      return undefined
    }
    const { lease_owner, attempt, revision, writes } = this.row
    const { row } = applied?.transition.state ?? this.#state
    const after = applied?.transition.events ?? []
    const events = [...pending.events, ...after.map(({ event, data }) => ({ event, data, number: null }))]
    const isAppend = !applied && pending.steps.size + pending.messages.size === 0 && row === this.#storedRow
    const write: OwnerWrite = {
      isAppend,
      fence: { lease_owner, attempt, revision, writes },
      row,
      events,
      steps: latest([...pending.steps.values(), ...(applied?.transition.steps ?? [])]),
      messages: latest([...pending.messages.values(), ...(applied?.transition.messages ?? [])]),
      removed: applied?.transition.removed ?? [],
    }
    this.#flight = { write, pending, events, waiters, applied }
    this.#pending = nothing()
    this.pendingBytes = 0
    return write
  }

  /** For the writer: the write is committed, its last event has this number; `missed` are events of others before. */
  written(last: number, missed: NumberedEvent[]): void {
    const flight = this.#flight
    if (!flight) return
    this.#flight = undefined
    const { write } = flight
    const state = flight.applied?.transition.state ?? this.#state
    const row = { ...state.row, writes: state.row.writes + 1, event_count: last }
    // The row may have been changed since the write was sent.
    if (state.row === write.row) this.#storedRow = row
    this.#state = { ...state, row }
    for (const { id } of [...write.steps, ...write.messages]) this.#stored.add(id)
    this.feed.emitNumbered(missed)
    this.feed.confirm(flight.events, last)
    this.feed.emit(flight.events.slice(flight.pending.emitted))
    this.#emitEarly()
    if (state.row.lease_owner === null) this.#end('ended')
    for (const waiter of flight.waiters) waiter.resolve('written')
  }

  /** For the writer: nothing was written, because another process has changed the row. It is written again. */
  refused(row: RunRow): void {
    const flight = this.#flight
    if (!flight) return
    this.#flight = undefined
    this.#pending = joined(flight.pending, this.#pending)
    this.#statusFact = flight.applied?.fact ?? this.#statusFact
    this.#waiters.unshift(...flight.waiters)
    const { metadata, revision, writes, status } = row
    this.#state = { ...this.#state, row: { ...this.row, metadata, revision, writes, status } }
    this.#dependencies.schedule(this, 'now')
  }

  /**
   * Ends the work of this process on the run. Objects that only its own readers have seen are closed for these readers, who
   * then read the log.
   */
  lose(): void {
    if (this.feed.state !== 'open') return
    const { openTurn } = this.#state
    const closed = closedTurn(openTurn && this.#notStored(openTurn), lostAttempt, {
      at: nowSeconds(this.#dependencies.clock),
      usage: null,
    })
    this.feed.emit(closed.events.map((event) => ({ ...event, number: null })))
    const waiters = [...this.#waiters.splice(0), ...(this.#flight?.waiters ?? [])]
    this.#flight = undefined
    this.#end('lost')
    this.#losing.abort()
    for (const waiter of waiters) waiter.resolve('lost')
  }

  #schedule(urgency: 'soon' | 'now'): void {
    if (this.#isCreated) this.#dependencies.schedule(this, urgency)
    else this.#urgencyAfterCreation = this.#urgencyAfterCreation === 'now' ? 'now' : urgency
  }

  #applyStatusFact(): Flight['applied'] {
    const fact = this.#statusFact
    this.#statusFact = undefined
    if (!fact) return undefined
    try {
      return { fact, transition: next(this.#state, fact) }
    } catch (error) {
      for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
      return undefined
    }
  }

  /** Emits early events, as long as none before them waits for its commit. */
  #emitEarly(): void {
    const { events, emitted } = this.#pending
    if (!this.#isCreated) return
    if (this.#flight && this.#flight.pending.emitted < this.#flight.events.length) return
    const ready: FeedEvent[] = []
    for (let index = emitted; index < events.length; index += 1) {
      const event = events[index]
      if (!event?.isEarly || !this.#dependencies.isConfirmed()) break
      ready.push(event)
    }
    this.#pending.emitted += ready.length
    this.feed.emit(ready)
  }

  #notStored({ openMessage, callsStep }: OpenTurn): OpenTurn {
    return {
      completed: [],
      openMessage: openMessage && !this.#stored.has(openMessage.message.id) ? openMessage : null,
      callsStep: callsStep && !this.#stored.has(callsStep.id) ? callsStep : null,
    }
  }

  #end(state: 'ended' | 'lost'): void {
    this.feed.end(state)
    this.#dependencies.runLog.removeFeed(this.feed)
  }
}

/** The last version of each object. */
function latest<Item extends { id: string }>(items: readonly Item[]): Item[] {
  return [...new Map(items.map((item) => [item.id, item])).values()]
}

function joined(first: Pending, second: Pending): Pending {
  const isAllEmitted = first.emitted === first.events.length
  return {
    events: [...first.events, ...second.events],
    emitted: isAllEmitted ? first.emitted + second.emitted : first.emitted,
    steps: new Map([...first.steps, ...second.steps]),
    messages: new Map([...first.messages, ...second.messages]),
  }
}
