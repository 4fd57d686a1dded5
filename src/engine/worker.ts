/** Claims runs, works on them side by side, and gives them up when the process stops. */
import { closeRunUnowned } from '../domain/close-run.ts'
import type { Context } from '../domain/context.ts'
import { claimed, numbered } from '../domain/create-run.ts'
import { expireRuns } from '../domain/expire-runs.ts'
import { loadImage } from '../domain/load-image.ts'
import type { Slot } from '../runs/handoff.ts'
import type { Hint } from '../runs/hints.ts'
import { Recorder } from '../runs/recorder.ts'
import type { RunRecord } from '../runs/run-record.ts'
import type { Models } from '../models/open.ts'
import type { Queryable } from '../database/database.ts'
import { lockClaimableRuns, releaseOrphan, retireWorker, type OwnedRun } from '../sql/leases.ts'
import type { NumberedEntry } from '../sql/run-events.ts'
import { findRunRow, moveRun, type RunRow } from '../sql/runs.ts'
import type { Tools } from '../tools/registry.ts'
import { sleep } from '../util/abort.ts'
import { nowSeconds } from '../util/clock.ts'
import type { Engine } from './engine.ts'
import { executeRun } from './execute-run.ts'
import { RunStopped } from './failure.ts'
import { Heartbeat } from './heartbeat.ts'
import { IngestWorker } from '../ingest/worker.ts'
import { sweep } from './sweep.ts'
import { takeOver, type TakenRun } from './takeover.ts'

const pollMs = 1000
const claimBatch = 20

interface WorkerOptions {
  /** Names the process in leases. */
  id: string
  context: Context
  models: Models
  tools: Tools
  /** Runs that this process works on at once. */
  maxRuns: number
  /** Files that it brings into vector stores at once. */
  maxIngests: number
}

interface Active {
  record: RunRecord
  stop: AbortController
  sinceMs: number
  done: Promise<void>
}

/** Lives as long as the process. */
export class Worker {
  readonly id: string
  readonly #options: WorkerOptions
  readonly #engine: Engine
  readonly #recorder: Recorder
  readonly #heartbeat: Heartbeat
  readonly #ingests: IngestWorker
  readonly #active = new Map<string, Active>()
  readonly #stopping = new AbortController()
  #reserved = 0
  /** Runs that the database calls ours and nobody here knows, as of the beat before. */
  #strangers = new Set<string>()
  #wake = () => {}
  #looping: Promise<unknown> = Promise.resolve()
  #deaf = () => {}

  constructor(options: WorkerOptions) {
    const { context, models, tools } = options
    this.#options = options
    this.id = options.id
    this.#heartbeat = new Heartbeat({
      db: context.db,
      worker: this.id,
      log: context.log,
      onBeat: (owned, sentAtMs) => this.#compare(owned, sentAtMs),
    })
    this.#engine = {
      context,
      models,
      tools,
      loadImage: (wanted) => loadImage(context, wanted),
      confirmed: (signal) => this.#heartbeat.confirmed(signal),
    }
    this.#ingests = new IngestWorker({
      context,
      worker: this.id,
      limit: options.maxIngests,
      isConfirmed: () => this.#heartbeat.isConfirmed(),
      confirmed: (signal) => this.#heartbeat.confirmed(signal),
    })
    this.#recorder = new Recorder({
      db: context.db,
      worker: this.id,
      hints: context.hints,
      runLog: context.runLog,
      log: context.log,
      isConfirmed: () => this.#heartbeat.isConfirmed(),
    })
  }

  async start(): Promise<void> {
    const { hints, handoff } = this.#options.context
    await this.#heartbeat.start()
    this.#deaf = hints.hear((hint) => this.#hear(hint))
    handoff.offer(() => this.#reserve())
    this.#ingests.start()
    this.#looping = Promise.all([this.#loop(), sweep(this.#options.context, this.#stopping.signal)])
  }

  /** Takes no new runs and waits up to `ms` for those at work; then gives up their leases. */
  async drain(ms: number): Promise<void> {
    const { context } = this.#options
    context.handoff.offer(undefined)
    this.#stopping.abort()
    this.#wake()
    await Promise.all([this.#looping, this.#ingests.stop()])
    const timer = new AbortController()
    const ended = Promise.all([...this.#active.values()].map((active) => active.done))
    await Promise.race([ended, sleep(ms, timer.signal)])
    timer.abort()
    for (const active of this.#active.values()) active.stop.abort(new RunStopped('stopping'))
    await Promise.all([...this.#active.values()].map((active) => active.done))
    this.#deaf()
    await this.#heartbeat.stop()
    await retireWorker(context.db, this.id).catch((error: unknown) => {
      context.log('warn', 'the leases run out by themselves', { error })
    })
    context.hints.tell({ kind: 'queue' })
  }

  get free(): number {
    return this.#options.maxRuns - this.#active.size - this.#reserved
  }

  #reserve(): Slot | undefined {
    if (this.free <= 0 || !this.#heartbeat.isConfirmed()) return undefined
    this.#reserved += 1
    return {
      worker: this.id,
      release: () => {
        this.#reserved -= 1
      },
      take: (row, entries) => {
        this.#reserved -= 1
        // Once this process stops, its leases end with it, and the next owner takes the run over.
        if (!this.#stopping.signal.aborted) this.#begin(row, entries)
      },
    }
  }

  #begin(row: RunRow, entries: NumberedEntry[]): void {
    const record = this.#recorder.open(row, entries)
    const stop = new AbortController()
    const done = executeRun(this.#engine, record, stop.signal).then(() => {
      // A submit may have begun the run's next stretch meanwhile.
      if (this.#active.get(row.id)?.record === record) this.#active.delete(row.id)
      if (record.feed.state === 'open') record.lose()
      if (this.free === 1) this.#wake()
    })
    this.#active.set(row.id, { record, stop, sinceMs: performance.now(), done })
  }

  #hear(hint: Hint): void {
    if (hint.kind === 'queue' || hint.kind === 'all') this.#wake()
    if (hint.kind !== 'cancel') return
    const active = this.#active.get(hint.run_id)
    if (active) void this.#lookAgain(active)
  }

  /** A cancel or a deletion was hinted at: the row says which, if either. */
  async #lookAgain({ record, stop }: Active): Promise<void> {
    const { id, project, thread_id } = record.row
    try {
      const row = await findRunRow(this.#options.context.db, { id, project, thread_id })
      if (!row) record.lose()
      else if (row.status === 'cancelling') stop.abort(new RunStopped('cancelled'))
    } catch (error) {
      // The next heartbeat reads it again.
      this.#options.context.log('warn', 'a cancel could not be looked up', { run_id: id, error })
    }
  }

  /** What the heartbeat read: lost runs are dropped, cancels that were missed obeyed, late runs ended. */
  async #compare(owned: OwnedRun[], sentAtMs: number): Promise<void> {
    const { clock, db } = this.#options.context
    const byId = new Map(owned.map((run) => [run.id, run]))
    const now = nowSeconds(clock)
    for (const { record, stop, sinceMs } of this.#active.values()) {
      const run = byId.get(record.row.id)
      const isMine = run?.attempt === record.row.attempt
      if (!isMine && sinceMs < sentAtMs && record.feed.state === 'open' && !record.isEnding) record.lose()
      else if (run?.status === 'cancelling') stop.abort(new RunStopped('cancelled'))
      else if (record.row.deadline <= now) stop.abort(new RunStopped('expired'))
    }
    const strangers = owned.filter((run) => !this.#active.has(run.id))
    for (const run of strangers) {
      if (this.#strangers.has(run.id)) await releaseOrphan(db, this.id, run)
    }
    this.#strangers = new Set(strangers.map((run) => run.id))
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping
    const { log, context } = { log: this.#options.context.log, context: this.#options.context }
    while (!signal.aborted) {
      const isWoken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      let found = 0
      try {
        found = (await this.#claim()) + (await expireRuns(context))
      } catch (error) {
        log('warn', 'no runs could be claimed', { error })
      }
      if (found > 0 && this.free > 0) continue
      const pause = new AbortController()
      await Promise.race([isWoken, sleep(pollMs, pause.signal)])
      pause.abort()
    }
  }

  /** Answers how many runs it took or ended. */
  async #claim(): Promise<number> {
    const limit = Math.min(this.free, claimBatch)
    if (limit <= 0 || !this.#heartbeat.isConfirmed()) return 0
    this.#reserved += limit
    const { db } = this.#options.context
    try {
      const { taken, count } = await db.transaction(async (tx) => {
        const rows = await lockClaimableRuns(tx, this.id, limit)
        const all: TakenRun[] = []
        for (const row of rows) {
          const run = await this.#claimOne(tx, row)
          if (run) all.push(run)
        }
        return { taken: all, count: rows.length }
      })
      for (const run of taken) this.#begin(run.row, run.entries)
      return count
    } finally {
      this.#reserved -= limit
    }
  }

  async #claimOne(tx: Queryable, row: RunRow): Promise<TakenRun | undefined> {
    const { context } = this.#options
    if (row.status === 'cancelling') {
      await closeRunUnowned(context, tx, row, { ending: { reason: 'cancelled' } })
      return undefined
    }
    if (row.deadline <= nowSeconds(context.clock)) {
      await closeRunUnowned(context, tx, row, { ending: { reason: 'expired' } })
      return undefined
    }
    if (row.status === 'in_progress') return takeOver(context, tx, row, this.id)
    const { row: next, entries } = claimed(context, row, [], { worker: this.id })
    const last = await moveRun(tx, next, entries)
    await context.hints.announce(tx, { kind: 'log', run_ids: [row.id] })
    return { row: { ...next, event_count: last }, entries: numbered(entries, row.event_count + 1) }
  }
}
