/** Writes what the runs of this process do, in batches: one statement at a time for all of them. */
import { DatabaseUnavailable, type Database } from '../database/database.ts'
import { retried } from '../database/retry.ts'
import { readEvents, type NumberedEvent } from '../sql/run-events.ts'
import { appendEvents, writeRuns } from '../sql/run-writes.ts'
import { findRunRow } from '../sql/runs.ts'
import { sleep } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Creator } from './run-creator.ts'
import type { Hints } from './hints.ts'
import { isPossible } from './next.ts'
import { writtenRun, writeOf, type Created } from './write-transition.ts'
import type { RunLog } from './run-log.ts'
import { OwnedRun, type OwnedRunDependencies, type OwnerWrite } from './owned-run.ts'
import type { RunState, Transition } from './state.ts'

/** Events wait this long, or until they have so many bytes, before they are written. */
const flushMs = 50
const flushBytes = 4096
/** A write to an unavailable database is repeated after this time. */
const retryMs = 250

interface RunWriterOptions {
  db: Database
  hints: Hints
  runLog: RunLog
  clock: Clock
  log: Log
  /** Whether the database has confirmed this process's lease within the last two seconds. */
  isConfirmed: () => boolean
}

/** Lives as long as the worker. */
export class RunWriter {
  readonly #options: RunWriterOptions
  readonly #dependencies: OwnedRunDependencies
  readonly #stopping = new AbortController()
  /** Runs with something to write, since when (monotonic ms). */
  readonly #waiting = new Map<OwnedRun, number>()
  readonly #urgent = new Set<OwnedRun>()
  readonly creator: Creator
  #timer: NodeJS.Timeout | undefined
  #isWriting = false

  constructor(options: RunWriterOptions) {
    this.#options = options
    this.#dependencies = { ...options, schedule: (run, urgency) => this.schedule(run, urgency) }
    this.creator = new Creator(options.db)
  }

  /** Starts to write for a run that this process owns; `events` are those that the log got when it was claimed. */
  open(state: RunState, events: NumberedEvent[]): OwnedRun {
    return new OwnedRun(this.#dependencies, state, events)
  }

  /**
   * Creates a run that this process owns and can use at once. `committed` resolves after the commit to the events that the
   * log got, for `OwnedRun.created`; or it throws.
   */
  create(transition: Transition, created: Created) {
    const { state, events, newThread } = writtenRun(transition, created)
    const run = new OwnedRun(this.#dependencies, state, events, false)
    const creating = this.creator.create(writeOf('new', transition, created))
    return { run, newThread, committed: creating.then(() => events) }
  }

  /** Ends the wait for a database that is unavailable. */
  stop(): void {
    this.#stopping.abort()
  }

  schedule(run: OwnedRun, urgency: 'soon' | 'now'): void {
    if (!this.#waiting.has(run)) this.#waiting.set(run, performance.now())
    if (urgency === 'now' || run.pendingBytes > flushBytes) {
      this.#urgent.add(run)
      // A tick later, so that the writes of other runs in this tick go into the same statement.
      if (this.#urgent.size === 1 && !this.#isWriting) setImmediate(() => void this.#write())
    } else {
      this.#timer ??= setTimeout(() => void this.#write(), flushMs)
    }
  }

  async #write(): Promise<void> {
    // Also while another write is in progress: with a timer that has fired, `schedule` would start no new one.
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isWriting) return
    this.#isWriting = true
    const writes = this.#due().flatMap((run) => {
      const write = run.takeWrite()
      return write ? [[run, write] as const] : []
    })
    const appends = writes.filter(([, write]) => write.isAppend)
    const changes = writes.filter(([, write]) => !write.isAppend)
    // Where appends are not the majority, one statement for all costs less than two.
    if (appends.length <= changes.length) await this.#writeBatch(new Map(writes), writeRuns)
    else
      await Promise.all([
        this.#writeBatch(new Map(changes), writeRuns),
        this.#writeBatch(new Map(appends), appendEvents),
      ])
    this.#isWriting = false
    if (this.#urgent.size > 0) setImmediate(() => void this.#write())
    else if (this.#waiting.size > 0) this.#timer ??= setTimeout(() => void this.#write(), flushMs)
  }

  /** Runs that must be written now, and those that waited long enough. */
  #due(): OwnedRun[] {
    const oldest = performance.now() - flushMs
    const due = [...this.#waiting].filter(([run, since]) => since <= oldest || this.#urgent.has(run))
    for (const [run] of due) {
      this.#waiting.delete(run)
      this.#urgent.delete(run)
    }
    return due.map(([run]) => run)
  }

  /** Never throws: a run whose write fails is lost, and it is recovered from what the database holds. */
  async #writeBatch(writes: Map<OwnedRun, OwnerWrite>, send: typeof appendEvents): Promise<void> {
    if (writes.size === 0) return
    const { db, hints, log } = this.#options
    const run_ids = [...writes.values()].map(({ row }) => row.id)
    const notifications = hints.notifications({ kind: 'log', run_ids })
    for (let isUnsure = false; ; isUnsure = true) {
      try {
        const result = await send(db, [...writes.values()], notifications)
        const settled = [...writes].map(([run, write]) =>
          this.#settle(run, write, { last: result.get(write.row.id)?.event_count, isUnsure }),
        )
        await Promise.all(settled)
        hints.send({ kind: 'log', run_ids })
        return
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable) || this.#stopping.signal.aborted) {
          await this.#failed(writes, send, error)
          return
        }
        if (!isUnsure) log('warn', 'runs wait for the database', { run_ids, error })
        await sleep(retryMs, this.#stopping.signal)
      }
    }
  }

  /** The database refused the write of one of these runs: the others are written one by one. */
  async #failed(writes: Map<OwnedRun, OwnerWrite>, send: typeof appendEvents, error: unknown): Promise<void> {
    if (writes.size > 1) {
      for (const [run, write] of writes) await this.#writeBatch(new Map([[run, write]]), send)
      return
    }
    for (const run of writes.keys()) {
      this.#options.log('error', 'a run could not be written', { run_id: run.row.id, error })
      run.lose()
    }
  }

  async #settle(
    run: OwnedRun,
    write: OwnerWrite,
    { last, isUnsure }: { last: number | undefined; isUnsure: boolean },
  ): Promise<void> {
    const { id, thread_id, project } = write.row
    const { db, log } = this.#options
    try {
      if (last !== undefined) {
        run.written(last, await this.#missed(run, write, last))
        return
      }
      // The fence did not hold: an earlier try was committed after all, or another process has changed the row.
      const row = await retried(() => findRunRow(db, { id, thread_id, project }), this.#stopping.signal)
      const { fence } = write
      if (!row || row.attempt !== fence.attempt) run.lose()
      else if (isUnsure && row.writes === fence.writes + 1) {
        run.written(row.written, await this.#missed(run, write, row.written))
      } else if (row.lease_owner === fence.lease_owner && isPossible(row.status, 'stopped')) run.refused(row)
      else run.lose()
    } catch (error) {
      log('error', 'a run could not be followed', { run_id: id, error })
      run.lose()
    }
  }

  /** Events that other processes have written before this write. */
  async #missed(run: OwnedRun, write: OwnerWrite, last: number): Promise<NumberedEvent[]> {
    const first = last - write.events.length + 1
    const { confirmed } = run.feed
    if (first <= confirmed + 1) return []
    const read = () => readEvents(this.#options.db, write.row.id, confirmed)
    const events = await retried(read, this.#stopping.signal)
    return events.filter((event) => event.number < first)
  }
}
