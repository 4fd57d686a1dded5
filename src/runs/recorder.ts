/**
 * Writes what the runs of this process do: one statement at a time for all of them, ahead of which the local
 * listeners are told what may be told early.
 */
import { DatabaseUnavailable, type Database } from '../database/database.ts'
import { writeRunBatch, type BatchResult, type RunWrite } from '../sql/run-batch.ts'
import { readEntries, type NumberedEntry } from '../sql/run-events.ts'
import { findRunRow, type RunRow } from '../sql/runs.ts'
import type { Log } from '../util/log.ts'
import { hintPayload, type Hints } from './hints.ts'
import { RunRecord } from './run-record.ts'
import type { RunLog } from './run-log.ts'

/** Deltas wait this long, or until they weigh this much, before they are written. */
const flushMs = 50
const flushBytes = 4096

interface RecorderOptions {
  db: Database
  worker: string
  hints: Hints
  runLog: RunLog
  log: Log
  /** Whether this process may tell ahead: it heard from the database within the last two seconds. */
  isConfirmed: () => boolean
}

/** Lives as long as the worker. */
export class Recorder {
  readonly options: RecorderOptions
  /** Records with something to write, since when (monotonic ms). */
  readonly #waiting = new Map<RunRecord, number>()
  readonly #urgent = new Set<RunRecord>()
  #timer: NodeJS.Timeout | undefined
  #isWriting = false

  constructor(options: RecorderOptions) {
    this.options = options
  }

  /** Opens the record of a run that this process owns; `entries` are what the log got when it was claimed. */
  open(row: RunRow, entries: NumberedEntry[]): RunRecord {
    const record = new RunRecord(this, row, entries)
    this.options.runLog.addFeed(record.feed)
    return record
  }

  /** The record has something to write: soon, or at once when it is the first or grew large. */
  want(record: RunRecord, urgency: 'soon' | 'now'): void {
    if (!this.#waiting.has(record)) this.#waiting.set(record, performance.now())
    if (urgency === 'now' || record.pendingBytes > flushBytes) {
      this.#urgent.add(record)
      // A tick later, so that what other runs want in this one goes into the same statement.
      if (this.#urgent.size === 1 && !this.#isWriting) setImmediate(() => void this.#write())
    } else {
      this.#timer ??= setTimeout(() => void this.#write(), flushMs)
    }
  }

  async #write(): Promise<void> {
    // Also where it finds a write on its way: a timer that has gone off must not look like one that will.
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isWriting) return
    this.#isWriting = true
    const writes = new Map<RunRecord, RunWrite>()
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

  async #writeBatch(writes: Map<RunRecord, RunWrite>): Promise<void> {
    const { db, worker, hints, log } = this.options
    const list = [...writes.values()]
    const run_ids = list.map((write) => write.run_id)
    let result: BatchResult
    try {
      const notify = hints.shared ? hintPayload({ kind: 'log', run_ids }) : null
      result = await writeRunBatch(db, worker, list, notify)
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable) && writes.size > 1) {
        // The database refused what one of them wants written: the others must not suffer for it.
        for (const [record, write] of writes) await this.#writeBatch(new Map([[record, write]]))
        return
      }
      // Whether it was committed is unknown: these runs are begun anew from what the database holds.
      log('error', 'runs could not be written', { run_ids, error })
      for (const record of writes.keys()) record.lose()
      return
    }
    await Promise.all(
      [...writes].map(([record, write]) => this.#settle(record, write, result.get(write.run_id))),
    )
    hints.tell({ kind: 'log', run_ids })
  }

  async #settle(record: RunRecord, write: RunWrite, last: number | undefined): Promise<void> {
    try {
      if (last === undefined) {
        await this.#refused(record, write)
        return
      }
      const first = last - write.entries.length + 1
      const before = record.feed.confirmed
      const missed = first > before + 1 ? await readEntries(this.options.db, write.run_id, before) : []
      record.written(
        write,
        last,
        missed.filter((entry) => entry.number < first),
      )
    } catch (error) {
      this.options.log('error', 'a run could not be followed', { run_id: write.run_id, error })
      record.lose()
    }
  }

  /** The fence let nothing through: find out why. */
  async #refused(record: RunRecord, write: RunWrite): Promise<void> {
    const { db, worker } = this.options
    const key = { project: write.project, thread_id: record.row.thread_id, id: write.run_id }
    const row = await findRunRow(db, key)
    if (!row || row.lease_owner !== worker || row.attempt !== write.attempt) record.lose()
    else record.refused(write, row)
  }
}
