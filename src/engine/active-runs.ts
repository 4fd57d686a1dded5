/** The runs that this process works on: starts them, compares them with the database, and stops them. */
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { writtenRun, writeOf, type Created, type WrittenRun } from '../runs/write-transition.ts'
import type { RunWriter } from '../runs/run-writer.ts'
import { reportEnd, reportStart } from '../runs/log-lines.ts'
import type { OwnedRun } from '../runs/owned-run.ts'
import type { Transition } from '../runs/state.ts'
import type { Message } from '../api/messages.ts'
import { releaseRun, type LeasedRun } from '../sql/leases.ts'
import { findRunRow, type RunRow } from '../sql/runs.ts'
import { executeRun, type RunDependencies } from './execute-run.ts'
import { RunStopped, type StopReason } from './failure.ts'

interface Active {
  run: OwnedRun
  stop: AbortController
  /** When the run expires, in `Clock.elapsedMs`: a run in progress does not end because the clock of the machine is set. */
  expiresMs: number
  /** When the database confirmed that this worker owns the run (monotonic ms); infinite while it is being created. */
  sinceMs: number
  done: Promise<void>
}

interface ActiveRunsOptions {
  dependencies: RunDependencies
  writer: RunWriter
  worker: string
  /** Resolves a model name to `provider/model`. */
  modelBehind: (name: string) => string | undefined
  /** Called after the work on a run has ended. */
  onEnd: () => void
}

/**
 * For this long after the write that made a run its own was sent, this worker surely still owns it: a lease that was
 * confirmed two seconds ago lasts for another second, and a run without work is released at the second heartbeat that finds it.
 */
const certainMs = 1000

const isLate = (sinceMs: number) => performance.now() - sinceMs >= certainMs

/** Lives as long as the worker. */
export class ActiveRuns {
  readonly #options: ActiveRunsOptions
  readonly #active = new Map<string, Active>()
  /** Creations that have not been committed yet, by run id; each resolves when it has ended. */
  readonly #creating = new Map<string, Promise<void>>()
  /** Runs that this worker owns in the database and does not work on, as of the heartbeat before. */
  #unknown = new Set<string>()

  constructor(options: ActiveRunsOptions) {
    this.#options = options
  }

  /** Runs in progress, and those that are being created. */
  get size(): number {
    const waiting = [...this.#creating.keys()].filter((id) => !this.#active.has(id))
    return this.#active.size + waiting.length
  }

  /** Works on a run that was committed as owned by this worker, by a write that was sent at or after `sinceMs`. */
  async start({ state, events, newThread }: WrittenRun, sinceMs: number): Promise<void> {
    if (isLate(sinceMs) && !(await this.#isStillOwned(state.row))) return
    const { writer } = this.#options
    const earlier = this.#active.get(state.row.id)?.run
    // The answer to a creation may arrive after the run was recovered.
    if (earlier && earlier.row.attempt > state.row.attempt) return
    // An earlier attempt may still be waiting for its model here: this worker has just recovered its own run.
    earlier?.lose()
    const run = writer.open(state, events)
    this.#reportStart(run)
    this.#work(run, newThread).sinceMs = performance.now()
  }

  /** When the answer to a write comes late, another process may have recovered the run, and may have ended it. */
  async #isStillOwned({ id, project, thread_id, attempt }: RunRow): Promise<boolean> {
    const { dependencies, worker } = this.#options
    try {
      const row = await findRunRow(dependencies.db, { id, project, thread_id })
      return row?.lease_owner === worker && row.attempt === attempt
    } catch (error) {
      // A heartbeat finds the run without work and releases it.
      dependencies.log('warn', 'a new run could not be looked up', { run_id: id, error })
      return false
    }
  }

  /** Works on a run while it is created, or after its creation when many are created at once. See `Slot.create`. */
  async create(transition: Transition, created: Created, stopping: AbortSignal): Promise<void> {
    const { id } = transition.state.row
    const creating = this.#create(transition, created, stopping)
    this.#creating.set(
      id,
      creating.catch(() => {}),
    )
    try {
      await creating
    } finally {
      this.#creating.delete(id)
      this.#options.onEnd()
    }
  }

  async #create(transition: Transition, created: Created, stopping: AbortSignal): Promise<void> {
    const { writer } = this.#options
    const sentMs = performance.now()
    if (writer.creator.isBusy || stopping.aborted) {
      await writer.creator.create(writeOf('new', transition, created))
      if (!stopping.aborted) await this.start(writtenRun(transition, created), sentMs)
      return
    }
    const { run, newThread, committed } = writer.create(transition, created)
    try {
      // The statement is sent at the end of this tick; then the model is asked while the database works.
      const working = nextTurnOfLoop().then(() => this.#work(run, newThread))
      const [active, events] = await Promise.all([working, committed])
      if (isLate(sentMs) && !(await this.#isStillOwned(run.row))) {
        run.lose()
        return
      }
      run.created(events)
      active.sinceMs = performance.now()
      this.#reportStart(run)
    } catch (error) {
      run.lose()
      throw error
    }
  }

  #reportStart({ row }: OwnedRun): void {
    const { dependencies, modelBehind } = this.#options
    reportStart(dependencies.log, row, modelBehind(row.settings.model))
  }

  #work(run: OwnedRun, newThread?: readonly Message[]): Active {
    const { dependencies, onEnd } = this.#options
    const { log, clock } = dependencies
    const { id, deadline } = run.row
    const startedMs = performance.now()
    const stop = new AbortController()
    const done = executeRun(dependencies, run, stop.signal, newThread).then(() => {
      if (run.feed.state === 'ended') reportEnd(log, run.row, performance.now() - startedMs)
      else run.lose()
      // A submit may have started the run again meanwhile.
      if (this.#active.get(id)?.run === run) this.#active.delete(id)
      onEnd()
    })
    const expiresMs = clock.elapsedMs() + deadline * 1000 - clock.nowMs()
    const active = { run, stop, expiresMs, sinceMs: Infinity, done }
    this.#active.set(id, active)
    return active
  }

  /** After a hint about a cancel or a deletion: reads the row, and stops the run or drops it. */
  async refresh(run_id: string): Promise<void> {
    const active = this.#active.get(run_id)
    if (!active) return
    const { run, stop } = active
    const { db, log } = this.#options.dependencies
    const { id, project, thread_id } = run.row
    try {
      const row = await findRunRow(db, { id, project, thread_id })
      if (!row) run.lose()
      else if (row.status === 'cancelling') stop.abort(new RunStopped('cancelled'))
    } catch (error) {
      // The next heartbeat reads it again.
      log('warn', 'a cancel could not be looked up', { run_id, error })
    }
  }

  /**
   * Compares what a heartbeat read with the runs here: lost runs are dropped, cancels whose hint was lost are obeyed,
   * expired runs are ended.
   */
  async compare(owned: LeasedRun[], sentAtMs: number): Promise<void> {
    const { dependencies, worker } = this.#options
    const byId = new Map(owned.map((run) => [run.id, run]))
    const elapsedMs = dependencies.clock.elapsedMs()
    for (const { run, stop, sinceMs, expiresMs } of this.#active.values()) {
      const leased = byId.get(run.row.id)
      const isOwned = leased?.attempt === run.row.attempt
      if (!isOwned && sinceMs < sentAtMs && run.feed.state === 'open' && !run.isEnding) run.lose()
      else if (leased?.status === 'cancelling') stop.abort(new RunStopped('cancelled'))
      else if (expiresMs <= elapsedMs) stop.abort(new RunStopped('expired'))
    }
    const unknown = owned.filter(({ id }) => !this.#active.has(id) && !this.#creating.has(id))
    for (const run of unknown) {
      if (this.#unknown.has(run.id)) await releaseRun(dependencies.db, worker, run)
    }
    this.#unknown = new Set(unknown.map((run) => run.id))
  }

  stop(reason: StopReason): void {
    for (const { stop } of this.#active.values()) stop.abort(new RunStopped(reason))
  }

  /** Resolves when all present creations and the work on all present runs have ended. */
  async ended(): Promise<void> {
    // The work on a run that is being created begins a tick later.
    await Promise.all(this.#creating.values())
    await Promise.all([...this.#active.values()].map(({ done }) => done))
  }
}
