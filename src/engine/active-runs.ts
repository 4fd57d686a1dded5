/** The runs that this process works on: started here, compared with what the database says, and stopped. */
import { persistedRun, writeOf, type Created, type PersistedRun } from '../runs/persist.ts'
import type { Recorder } from '../runs/recorder.ts'
import { reportEnd, reportStart } from '../runs/report.ts'
import type { RunRecord } from '../runs/run-record.ts'
import type { Transition } from '../runs/state.ts'
import type { Message } from '../api/messages.ts'
import { releaseRun, type OwnedRun } from '../sql/leases.ts'
import { findRunRow } from '../sql/runs.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Engine } from './engine.ts'
import { executeRun } from './execute-run.ts'
import { RunStopped, type StopReason } from './failure.ts'

interface Active {
  record: RunRecord
  stop: AbortController
  /** Since when the database has the run as owned by this worker (monotonic); infinite while it is being created. */
  sinceMs: number
  done: Promise<void>
}

interface ActiveRunsOptions {
  engine: Engine
  recorder: Recorder
  worker: string
  /** Called after the work on a run has ended. */
  onEnd: () => void
}

/** Lives as long as the worker. */
export class ActiveRuns {
  readonly #options: ActiveRunsOptions
  readonly #active = new Map<string, Active>()
  /** Creations that have not been committed yet, by run id; each resolves when it has ended. */
  readonly #creating = new Map<string, Promise<void>>()
  /** Runs that this worker owns in the database and does not know, as of the heartbeat before. */
  #unknown = new Set<string>()

  constructor(options: ActiveRunsOptions) {
    this.#options = options
  }

  /** Runs in progress, and those that are being created. */
  get size(): number {
    const waiting = [...this.#creating.keys()].filter((id) => !this.#active.has(id))
    return this.#active.size + waiting.length
  }

  /** Works on a run that is committed as owned by this worker. */
  start({ state, events, newThread }: PersistedRun): void {
    const { recorder } = this.#options
    const earlier = this.#active.get(state.row.id)?.record
    // The creation of a run may be noticed after its recovery.
    if (earlier && earlier.row.attempt > state.row.attempt) return
    // An earlier attempt may still be waiting for its model here: this worker has just recovered its own run.
    earlier?.lose()
    const record = recorder.open(state, events)
    this.#reportStart(record)
    this.#work(record, newThread).sinceMs = performance.now()
  }

  /** Works on a run while it is created, or after that where many are. See `Slot.create`. */
  async create(transition: Transition, created: Created, stopping: AbortSignal): Promise<void> {
    const { id } = transition.state.row
    const creating = this.#create(transition, created, stopping)
    const ended = creating.then(
      () => {},
      () => {},
    )
    this.#creating.set(id, ended)
    try {
      await creating
    } finally {
      this.#creating.delete(id)
      this.#options.onEnd()
    }
  }

  async #create(transition: Transition, created: Created, stopping: AbortSignal): Promise<void> {
    const { recorder } = this.#options
    if (recorder.creator.isBusy || stopping.aborted) {
      await recorder.creator.create(writeOf('new', transition, created))
      if (!stopping.aborted) this.start(persistedRun(transition, created))
      return
    }
    const { record, newThread, created: committed } = recorder.create(transition, created)
    const active = this.#work(record, newThread)
    try {
      await committed
      active.sinceMs = performance.now()
      this.#reportStart(record)
    } catch (error) {
      record.lose()
      throw error
    }
  }

  #reportStart({ row }: RunRecord): void {
    const { log, modelBehind } = this.#options.engine.context
    reportStart(log, row, modelBehind(row.settings.model))
  }

  #work(record: RunRecord, newThread?: readonly Message[]): Active {
    const { engine, onEnd } = this.#options
    const { log } = engine.context
    const { id } = record.row
    const startedMs = performance.now()
    const stop = new AbortController()
    const done = executeRun(engine, record, stop.signal, newThread).then(() => {
      if (record.feed.state === 'ended') reportEnd(log, record.row, performance.now() - startedMs)
      else record.lose()
      // A submit may have started the run's next stretch meanwhile.
      if (this.#active.get(id)?.record === record) this.#active.delete(id)
      onEnd()
    })
    const active = { record, stop, sinceMs: Infinity, done }
    this.#active.set(id, active)
    return active
  }

  /** After a hint about a cancel or a deletion: reads the row, and stops the run or drops it. */
  async look(run_id: string): Promise<void> {
    const active = this.#active.get(run_id)
    if (!active) return
    const { record, stop } = active
    const { db, log } = this.#options.engine.context
    const { id, project, thread_id } = record.row
    try {
      const row = await findRunRow(db, { id, project, thread_id })
      if (!row) record.lose()
      else if (row.status === 'cancelling') stop.abort(new RunStopped('cancelled'))
    } catch (error) {
      // The next heartbeat reads it again.
      log('warn', 'a cancel could not be looked up', { run_id, error })
    }
  }

  /** What a heartbeat read: lost runs are dropped, cancels whose hint was lost are obeyed, expired runs are ended. */
  async compare(owned: OwnedRun[], sentAtMs: number): Promise<void> {
    const { engine, worker } = this.#options
    const byId = new Map(owned.map((run) => [run.id, run]))
    const now = nowSeconds(engine.context.clock)
    for (const { record, stop, sinceMs } of this.#active.values()) {
      const run = byId.get(record.row.id)
      const isOwned = run?.attempt === record.row.attempt
      if (!isOwned && sinceMs < sentAtMs && record.feed.state === 'open' && !record.isEnding) record.lose()
      else if (run?.status === 'cancelling') stop.abort(new RunStopped('cancelled'))
      else if (record.row.deadline <= now) stop.abort(new RunStopped('expired'))
    }
    const unknown = owned.filter(({ id }) => !this.#active.has(id) && !this.#creating.has(id))
    for (const run of unknown) {
      if (this.#unknown.has(run.id)) await releaseRun(engine.context.db, worker, run)
    }
    this.#unknown = new Set(unknown.map((run) => run.id))
  }

  stop(reason: StopReason): void {
    for (const { stop } of this.#active.values()) stop.abort(new RunStopped(reason))
  }

  /** Resolves when all present creations and the work on all present runs have ended. */
  async ended(): Promise<void> {
    await Promise.all([...this.#creating.values(), ...[...this.#active.values()].map(({ done }) => done)])
  }
}
