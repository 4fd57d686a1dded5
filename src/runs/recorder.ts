/** Writes what the runs of this process do: one statement at a time for all of them. */
import { DatabaseUnavailable, type Database } from '../database/database.ts'
import { retried } from '../database/retry.ts'
import { readEvents, type NumberedEvent } from '../sql/run-events.ts'
import { writeRuns } from '../sql/run-writes.ts'
import { findRunRow } from '../sql/runs.ts'
import { sleep } from '../util/abort.ts'
import { nowSeconds, type Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Creator } from './creator.ts'
import type { Hints } from './hints.ts'
import { isPossible } from './next.ts'
import { persistedRun, writeOf, type Created } from './persist.ts'
import type { RunLog } from './run-log.ts'
import { RunRecord, type OwnerWrite, type RecordWriter } from './run-record.ts'
import type { RunState, Transition } from './state.ts'

/** Events wait this long, or until they have so many bytes, before they are written. */
const flushMs = 50
const flushBytes = 4096
/** A write to an unavailable database is repeated after this time. */
const retryMs = 250

interface RecorderOptions {
  db: Database
  hints: Hints
  runLog: RunLog
  clock: Clock
  log: Log
  /** Whether the database has confirmed this process's lease within the last two seconds. */
  isConfirmed: () => boolean
}

/** Lives as long as the worker. */
export class Recorder implements RecordWriter {
  readonly #options: RecorderOptions
  readonly #stopping = new AbortController()
  /** Records with something to write, since when (monotonic ms). */
  readonly #waiting = new Map<RunRecord, number>()
  readonly #urgent = new Set<RunRecord>()
  readonly creator: Creator
  #timer: NodeJS.Timeout | undefined
  #isWriting = false

  constructor(options: RecorderOptions) {
    this.#options = options
    this.creator = new Creator(options.db)
  }

  get runLog(): RunLog {
    return this.#options.runLog
  }

  isConfirmed(): boolean {
    return this.#options.isConfirmed()
  }

  now(): number {
    return nowSeconds(this.#options.clock)
  }

  /** Opens the record of a run that this process owns; `events` are those that the log got when it was claimed. */
  open(state: RunState, events: NumberedEvent[]): RunRecord {
    return new RunRecord(this, state, events)
  }

  /** Creates a run, and opens its record meanwhile: `created` resolves after the commit, or throws. */
  create(transition: Transition, created: Created) {
    const { state, events, newThread } = persistedRun(transition, created)
    const record = new RunRecord(this, state, events, false)
    const creating = this.creator.create(writeOf('new', transition, created))
    return { record, newThread, created: creating.then(() => record.created(events)) }
  }

  /** Ends the wait for a database that is unavailable. */
  stop(): void {
    this.#stopping.abort()
  }

  schedule(record: RunRecord, urgency: 'soon' | 'now'): void {
    if (!this.#waiting.has(record)) this.#waiting.set(record, performance.now())
    if (urgency === 'now' || record.pendingBytes > flushBytes) {
      this.#urgent.add(record)
      // A tick later, so that the writes of other runs in this tick go into the same statement.
      if (this.#urgent.size === 1 && !this.#isWriting) setImmediate(() => void this.#write())
    } else {
      this.#timer ??= setTimeout(() => void this.#write(), flushMs)
    }
  }

  async #write(): Promise<void> {
    // Also where a write is on its way: a timer that has gone off must not look like one that will.
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isWriting) return
    this.#isWriting = true
    const writes = new Map<RunRecord, OwnerWrite>()
    for (const record of this.#due()) {
      const write = record.takeWrite()
      if (write) writes.set(record, write)
    }
    if (writes.size > 0) await this.#writeBatch(writes)
    this.#isWriting = false
    if (this.#urgent.size > 0) setImmediate(() => void this.#write())
    else if (this.#waiting.size > 0) this.#timer ??= setTimeout(() => void this.#write(), flushMs)
  }

  /** Those that must be written now and those that waited long enough; the others wait on. */
  #due(): RunRecord[] {
    const oldest = performance.now() - flushMs
    const due = [...this.#waiting].filter(([record, since]) => since <= oldest || this.#urgent.has(record))
    for (const [record] of due) {
      this.#waiting.delete(record)
      this.#urgent.delete(record)
    }
    return due.map(([record]) => record)
  }

  /** Never throws: a record whose write fails is lost, and its run is recovered from what the database holds. */
  async #writeBatch(writes: Map<RunRecord, OwnerWrite>): Promise<void> {
    const { db, hints, log } = this.#options
    const run_ids = [...writes.values()].map(({ row }) => row.id)
    const notifications = hints.notifications({ kind: 'log', run_ids })
    for (let isUnsure = false; ; isUnsure = true) {
      try {
        const result = await writeRuns(db, [...writes.values()], notifications)
        const settled = [...writes].map(([record, write]) =>
          this.#settle(record, write, { last: result.get(write.row.id)?.event_count, isUnsure }),
        )
        await Promise.all(settled)
        hints.send({ kind: 'log', run_ids })
        return
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable) || this.#stopping.signal.aborted) {
          await this.#failed(writes, error)
          return
        }
        if (!isUnsure) log('warn', 'runs wait for the database', { run_ids, error })
        await sleep(retryMs, this.#stopping.signal)
      }
    }
  }

  /** The database refused the write of one of these runs: the others are written one by one. */
  async #failed(writes: Map<RunRecord, OwnerWrite>, error: unknown): Promise<void> {
    if (writes.size > 1) {
      for (const [record, write] of writes) await this.#writeBatch(new Map([[record, write]]))
      return
    }
    for (const record of writes.keys()) {
      this.#options.log('error', 'a run could not be written', { run_id: record.row.id, error })
      record.lose()
    }
  }

  async #settle(
    record: RunRecord,
    write: OwnerWrite,
    { last, isUnsure }: { last: number | undefined; isUnsure: boolean },
  ): Promise<void> {
    const { id, thread_id, project } = write.row
    const { db, log } = this.#options
    try {
      if (last !== undefined) {
        record.written(last, await this.#missed(record, write, last))
        return
      }
      // The fence did not hold: either an earlier try was committed after all, or another process changed the row.
      const row = await retried(() => findRunRow(db, { id, thread_id, project }), this.#stopping.signal)
      const { fence } = write
      if (!row || row.attempt !== fence.attempt) record.lose()
      else if (isUnsure && row.writes === fence.writes + 1) {
        record.written(row.written, await this.#missed(record, write, row.written))
      } else if (row.lease_owner === fence.lease_owner && isPossible(row.status, 'stopped'))
        record.refused(row)
      else record.lose()
    } catch (error) {
      log('error', 'a run could not be followed', { run_id: id, error })
      record.lose()
    }
  }

  /** Events that others have written before this write. */
  async #missed(record: RunRecord, write: OwnerWrite, last: number): Promise<NumberedEvent[]> {
    const first = last - write.events.length + 1
    const { confirmed } = record.feed
    if (first <= confirmed + 1) return []
    const read = () => readEvents(this.#options.db, write.row.id, confirmed)
    const events = await retried(read, this.#stopping.signal)
    return events.filter((event) => event.number < first)
  }
}
