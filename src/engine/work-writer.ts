/**
 * Writes the work of runs for their traces, in batches, a few times a second. No run waits for it. What a process has
 * not written when it is killed is lost.
 */
import type { RunWork } from '../api/run-work.ts'
import type { Queryable } from '../database/database.ts'
import { saveWork, type WorkRow } from '../sql/run-work.ts'
import type { Log } from '../util/log.ts'

const writeMs = 250
/** The most pieces that wait. Further ones are left out until some are written. */
const mostWaiting = 5000
/** Pieces in one statement: each may hold a whole request. */
const batch = 50

interface WorkWriterOptions {
  db: Queryable
  log: Log
  /** Whether anything is kept at all. */
  isOn: () => boolean
}

/** Lives as long as the worker. */
export class WorkWriter {
  readonly #options: WorkWriterOptions
  /** By the id of the piece: of several versions only the newest is written. */
  readonly #waiting = new Map<string, WorkRow>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: WorkWriterOptions) {
    this.#options = options
  }

  get isOn(): boolean {
    return this.#options.isOn()
  }

  /** Keeps a copy of a piece of work as it is now, to be written soon. */
  save(run_id: string, work: RunWork): void {
    if (!this.isOn || (this.#waiting.size >= mostWaiting && !this.#waiting.has(work.id))) return
    this.#waiting.set(work.id, { run_id, work: { ...work } })
    this.#timer ??= setTimeout(() => this.#write(), writeMs)
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#write()
    await this.#writing
  }

  #write(): void {
    this.#timer = undefined
    const rows = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#writing = this.#writing.then(() => this.#save(rows))
  }

  async #save(rows: WorkRow[]): Promise<void> {
    for (let at = 0; at < rows.length; at += batch) {
      try {
        await saveWork(this.#options.db, rows.slice(at, at + batch))
      } catch (error) {
        this.#options.log('warn', 'a part of the trace of runs could not be written', { error })
      }
    }
  }
}
