/** Limits on the runs that wait or are in progress: of all projects together, and of each project. */
import { errors } from '../api/errors.ts'
import type { Database } from '../database/database.ts'
import { countRunsAtWork } from '../sql/run-lists.ts'

interface Limits {
  /** Queued runs of all projects and processes. */
  maxQueuedRuns: number
  /** Queued and running runs of one project, in all processes. */
  maxProjectRuns: number
}

/** Counts that are not older than this may be used to refuse a run, ms. */
const freshMs = 100
/** When clients should try again, ms. */
const retryMs = 1000

/**
 * Starts from counts that it has read from the database and adds the runs of this process, so that a run costs no
 * statement. It reads the counts again when this process has added a sixteenth of what was left, and before it refuses a
 * run. With several processes a limit is approximate. Lives as long as the process.
 */
export class RunLimits {
  #limits: Limits
  #counts = { queued: 0, ofProject: new Map<string, number>() }
  #readAtMs = -Infinity
  #added = 0
  #reading: Promise<void> | undefined

  constructor(limits: Limits) {
    this.#limits = limits
  }

  setLimits(limits: Limits): void {
    this.#limits = limits
  }

  /** Counts a run that is about to be created. Throws 429 or 503 when there are too many. */
  async admit(db: Database, run: { project: string; waits: boolean }): Promise<void> {
    const isOld = this.#readAtMs === -Infinity || this.#added * 16 >= this.#left(run.project)
    if (isOld && performance.now() - this.#readAtMs > freshMs) await this.#read(db)
    this.#check(run)
    this.#added += 1
    if (run.waits) this.#counts.queued += 1
    this.#counts.ofProject.set(run.project, this.#ofProject(run.project) + 1)
  }

  #check({ project, waits }: { project: string; waits: boolean }): void {
    const { maxQueuedRuns, maxProjectRuns } = this.#limits
    if (this.#ofProject(project) >= maxProjectRuns) {
      throw errors.rateLimited('active runs', project, { limit: maxProjectRuns, retryAfterMs: retryMs })
    }
    if (waits && this.#counts.queued >= maxQueuedRuns) {
      throw errors.unavailable('too many runs are queued', retryMs)
    }
  }

  /** How many more runs of the project are possible. */
  #left(project: string): number {
    const { maxQueuedRuns, maxProjectRuns } = this.#limits
    return Math.min(maxQueuedRuns - this.#counts.queued, maxProjectRuns - this.#ofProject(project))
  }

  #ofProject(project: string): number {
    return this.#counts.ofProject.get(project) ?? 0
  }

  /** One statement at a time, for all requests that wait for it. */
  #read(db: Database): Promise<void> {
    this.#reading ??= this.#readNow(db).finally(() => (this.#reading = undefined))
    return this.#reading
  }

  async #readNow(db: Database): Promise<void> {
    const rows = await countRunsAtWork(db)
    this.#counts = {
      queued: rows.reduce((sum, { queued }) => sum + queued, 0),
      ofProject: new Map(rows.map(({ project, runs }) => [project, runs])),
    }
    this.#added = 0
    this.#readAtMs = performance.now()
  }
}
