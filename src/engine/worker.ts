/** The part of a process that works on runs: it claims them, and releases them when the process stops. */
import type { Context } from '../domain/context.ts'
import { expireRuns } from '../domain/runs.ts'
import { loadImage } from '../domain/files.ts'
import { retried } from '../database/retry.ts'
import { IngestWorker } from '../ingest/worker.ts'
import type { Models } from '../models/open.ts'
import type { Slot } from '../runs/slots.ts'
import type { Hint } from '../runs/hints.ts'
import { RunWriter } from '../runs/run-writer.ts'
import { retireWorker } from '../sql/leases.ts'
import type { Tools } from '../tools/registry.ts'
import { atMost, spread } from '../util/abort.ts'
import { ActiveRuns } from './active-runs.ts'
import { claimRuns } from './claim.ts'
import { Heartbeat } from './heartbeat.ts'
import { sweep } from './sweep.ts'
import { WorkWriter } from './work-writer.ts'

const pollMs = 1000
const claimBatch = 20
/** How long a process that stops waits for a database that is unavailable, to release its runs. */
const retireMs = 2000
/** How long such a process waits for requests that have reserved a slot: they may still commit a run that it then owns. */
const reservedPatienceMs = 10_000

interface WorkerOptions {
  /** Names the process in leases. */
  id: string
  context: Context
  models: Models
  tools: Tools
  limits: WorkerLimits
}

export interface WorkerLimits {
  /** Runs that this process works on at once. */
  maxRuns: number
  /** Files that it ingests at once. */
  maxIngests: number
}

/** Lives as long as the process. */
export class Worker {
  readonly id: string
  readonly #options: WorkerOptions
  #limits: WorkerLimits
  readonly #writer: RunWriter
  readonly #workWriter: WorkWriter
  readonly #heartbeat: Heartbeat
  readonly #ingests: IngestWorker
  readonly #runs: ActiveRuns
  readonly #stopping = new AbortController()
  /** Slots that are reserved for runs which have not started yet. */
  #reserved = 0
  #wake = () => {}
  #onUnreserved = () => {}
  #looping: Promise<unknown> = Promise.resolve()
  #unsubscribe = () => {}

  constructor(options: WorkerOptions) {
    const { context, models, tools } = options
    const { db, log } = context
    this.#options = options
    this.#limits = options.limits
    this.id = options.id
    this.#workWriter = new WorkWriter({ db, log, isOn: () => context.traceDays > 0 })
    const heartbeat = new Heartbeat({
      db,
      worker: this.id,
      log,
      onBeat: (owned, sentAtMs) => this.#runs.compare(owned, sentAtMs),
    })
    const lease = {
      isConfirmed: () => heartbeat.isConfirmed(),
      confirmed: (signal: AbortSignal) => heartbeat.confirmed(signal),
    }
    this.#heartbeat = heartbeat
    this.#ingests = new IngestWorker({
      context: context.retrieval,
      hints: context.hints,
      worker: this.id,
      limit: () => this.#limits.maxIngests,
      ...lease,
    })
    this.#writer = new RunWriter({ ...context, isConfirmed: lease.isConfirmed })
    this.#runs = new ActiveRuns({
      dependencies: {
        db,
        log,
        clock: context.clock,
        models,
        tools,
        workWriter: this.#workWriter,
        loadImage: (image) => loadImage(context, image),
        confirmed: lease.confirmed,
      },
      writer: this.#writer,
      worker: this.id,
      modelBehind: context.modelBehind,
      onEnd: () => {
        if (this.#free === 1) this.#wake()
      },
    })
  }

  async start(): Promise<void> {
    const { hints, slots } = this.#options.context
    await this.#heartbeat.start()
    this.#unsubscribe = hints.subscribe((hint) => this.#onHint(hint))
    slots.offer(() => this.#reserve())
    this.#ingests.start()
    this.#looping = Promise.all([this.#loop(), sweep(this.#options.context, this.#stopping.signal)])
  }

  /** The limits are for new runs and files. Those in progress are finished, even when they are more than a lower limit. */
  setLimits(limits: WorkerLimits): void {
    this.#limits = limits
    this.#wake()
  }

  /** Resolves when the runs and files that are now in progress have ended. */
  async settled(): Promise<void> {
    await Promise.all([this.#runs.ended(), this.#ingests.settled()])
  }

  /** Claims no more runs, waits up to `ms` for those in progress, and then releases them. */
  async drain(ms: number): Promise<void> {
    const { slots, hints, db, log } = this.#options.context
    slots.offer(undefined)
    this.#stopping.abort()
    this.#wake()
    await Promise.all([this.#looping, this.#ingests.stop()])
    await atMost(reservedPatienceMs, this.#unreserved())
    await atMost(ms, this.#runs.ended())
    this.#writer.stop()
    this.#runs.stop('stopping')
    await this.#runs.ended()
    this.#unsubscribe()
    await this.#workWriter.close()
    await this.#heartbeat.stop()
    const timeout = AbortSignal.timeout(retireMs)
    await retried(() => retireWorker(db, this.id), timeout).catch((error: unknown) => {
      log(
        'warn',
        'the runs of this process could not be released: others can claim them when its lease expires',
        {
          error,
        },
      )
    })
    hints.send({ kind: 'queue' })
  }

  get #free(): number {
    return this.#limits.maxRuns - this.#runs.size - this.#reserved
  }

  #reserve(): Slot | undefined {
    if (this.#free <= 0 || !this.#heartbeat.isConfirmed()) return undefined
    this.#reserved += 1
    const reservedMs = performance.now()
    return {
      worker: this.id,
      release: () => this.#unreserve(1),
      start: (run) => {
        // When this process stops, its lease ends with it, and the run is recovered by another one.
        const starting = this.#stopping.signal.aborted ? undefined : this.#runs.start(run, reservedMs)
        void Promise.resolve(starting).finally(() => this.#unreserve(1))
      },
      create: (transition, created) => {
        // From now on the run itself takes up the slot.
        const creating = this.#runs.create(transition, created, this.#stopping.signal)
        this.#unreserve(1)
        return creating
      },
    }
  }

  #unreserve(slots: number): void {
    this.#reserved -= slots
    if (this.#reserved === 0) this.#onUnreserved()
  }

  /** Resolves when no slot is reserved. */
  async #unreserved(): Promise<void> {
    if (this.#reserved === 0) return
    await new Promise<void>((resolve) => (this.#onUnreserved = resolve))
  }

  #onHint(hint: Hint): void {
    if (hint.kind === 'queue' || hint.kind === 'all') this.#wake()
    if (hint.kind === 'cancel') void this.#runs.refresh(hint.run_id)
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping
    const { context } = this.#options
    while (!signal.aborted) {
      const isWoken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      let found = 0
      try {
        found = (await this.#claim()) + (await expireRuns(context))
      } catch (error) {
        context.log('warn', 'no runs could be claimed', { error })
      }
      if (found > 0 && this.#free > 0) continue
      await atMost(spread(pollMs), isWoken)
    }
  }

  /** Returns how many runs it claimed or ended. */
  async #claim(): Promise<number> {
    const limit = Math.min(this.#free, claimBatch)
    if (limit <= 0 || !this.#heartbeat.isConfirmed()) return 0
    this.#reserved += limit
    const sentMs = performance.now()
    try {
      const { claimed, found } = await claimRuns(this.#options.context, this.id, limit)
      await Promise.all(claimed.map((run) => this.#runs.start(run, sentMs)))
      return found
    } finally {
      this.#unreserve(limit)
    }
  }
}
