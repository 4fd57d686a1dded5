/** Renews this process's lease, and knows whether it is confirmed. */
import type { Database, Queryable } from '../database/database.ts'
import { registerWorker, renewLease, type LeasedRun } from '../sql/leases.ts'
import { abortable, sleep } from '../util/abort.ts'
import type { Log } from '../util/log.ts'

const beatMs = 1000
/** Without an answer for this long, by this process's own clock, nothing is emitted early and nothing is started. */
const trustMs = 2000

interface HeartbeatOptions {
  db: Database
  worker: string
  log: Log
  /** The runs that this worker owns in the database, as of `sentAtMs` (monotonic) or later. */
  onBeat: (owned: LeasedRun[], sentAtMs: number) => void | Promise<void>
}

type Connection = Queryable & { close(): Promise<void> }

/** Lives as long as the worker; its connection is its own, so that a busy pool cannot delay it. */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #stopping = new AbortController()
  #confirmedAtMs = -Infinity
  #waiting: (() => void)[] = []
  #connection: Connection | undefined
  #beating: Promise<void> = Promise.resolve()

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const sentAtMs = performance.now()
    await registerWorker(this.#options.db, this.#options.worker)
    this.#confirmedAtMs = sentAtMs
    this.#beating = this.#beat()
  }

  isConfirmed(): boolean {
    return performance.now() - this.#confirmedAtMs < trustMs
  }

  /** Waits until the lease is confirmed; throws the signal's reason when the signal aborts first. */
  async confirmed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (!this.isConfirmed()) {
      await abortable(new Promise<void>((resolve) => this.#waiting.push(resolve)), signal)
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#beating
    await this.#connection?.close().catch(() => {})
  }

  async #beat(): Promise<void> {
    const { signal } = this.#stopping
    const { log } = this.#options
    let hasFailed = false
    while (!signal.aborted) {
      const sentAtMs = performance.now()
      try {
        this.#connection ??= await this.#options.db.dedicated()
        const owned = await renewLease(this.#connection, this.#options.worker)
        await this.#options.onBeat(owned, sentAtMs)
        this.#confirmedAtMs = sentAtMs
        const waiting = this.#waiting
        this.#waiting = []
        for (const resolve of waiting) resolve()
        if (hasFailed) log('info', 'the heartbeat reaches the database again')
        hasFailed = false
      } catch (error) {
        hasFailed = true
        log('warn', 'the heartbeat could not reach the database', { error })
        await this.#connection?.close().catch(() => {})
        this.#connection = undefined
      }
      await sleep(beatMs, signal)
    }
  }
}
