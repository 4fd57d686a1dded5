/** Creates runs that this process works on: one statement at a time for all of them. */
import { DatabaseUnavailable, type Queryable } from '../database/database.ts'
import { createOnce } from '../database/retry.ts'
import { writeRuns, type RunWrite } from '../sql/run-writes.ts'
import { existingRuns } from '../sql/runs.ts'
import { StaleAssistant } from './write-transition.ts'

/** The most runs of one statement. */
const batchSize = 100
/** When so many runs wait, the creator is busy: see `isBusy`. */
const busyLength = 10

interface Creation {
  write: RunWrite<'new'>
  resolve: () => void
  reject: (error: unknown) => void
}

/** Lives as long as the worker. */
export class Creator {
  readonly #db: Queryable
  #waiting: Creation[] = []
  #isWriting = false

  constructor(db: Queryable) {
    this.#db = db
  }

  /** When busy, the model is asked after the commit: answers that come earlier would wait in memory and delay the commits. */
  get isBusy(): boolean {
    return this.#waiting.length >= busyLength
  }

  /**
   * Resolves after the commit. Throws `StaleAssistant` and errors of the database. After `DatabaseUnavailable` the run
   * may exist: the connection can have been cut after the commit.
   */
  create(write: RunWrite<'new'>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject })
      if (this.#isWriting) return
      this.#isWriting = true
      // A tick later, so that the runs of all requests that arrived in this one go into the same statement.
      setImmediate(() => void this.#write())
    })
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) await this.#writeBatch(this.#waiting.splice(0, batchSize))
    this.#isWriting = false
  }

  /** Never throws. */
  async #writeBatch(creations: Creation[]): Promise<void> {
    try {
      const written = await this.#createOnce(creations.map(({ write }) => write))
      for (const { write, resolve, reject } of creations) {
        if (written.has(write.row.id)) resolve()
        else reject(new StaleAssistant())
      }
    } catch (error) {
      const isUnavailable = error instanceof DatabaseUnavailable
      // The database refused one of these runs: they are created one by one.
      if (creations.length > 1 && !isUnavailable) {
        for (const creation of creations) await this.#writeBatch([creation])
        return
      }
      // An unavailable database also fails the creations that waited behind these.
      const failed = isUnavailable ? [...creations, ...this.#waiting.splice(0)] : creations
      for (const { reject } of failed) reject(error)
    }
  }

  /** Returns the ids of the runs that exist now; the assistants of the others have changed. */
  #createOnce(writes: RunWrite<'new'>[]): Promise<Set<string>> {
    const ids = writes.map(({ row }) => row.id)
    const create = async () => {
      const written = await writeRuns(this.#db, writes, [])
      // After a cut, a run that an earlier try has created is not written when its assistant has changed since.
      return written.size === ids.length ? new Set(ids) : existingRuns(this.#db, ids)
    }
    const find = async () => {
      const existing = await existingRuns(this.#db, ids)
      return existing.size > 0 ? existing : undefined
    }
    return createOnce(create, find)
  }
}
