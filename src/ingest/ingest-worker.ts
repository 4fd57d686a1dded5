/** Claims files that wait to be brought into vector stores, a few at a time, beside the worker's runs. */
import type { Hints } from '../runs/hints.ts'
import { ingestFile } from './ingest-file.ts'
import type { IngestWork } from './ingest-work.ts'
import type { Retrieval } from '../search/retrieval.ts'
import type { Database } from '../database/database.ts'
import { claimIngests, ownedIngests, releaseIngest, strandedIngests, type IngestRow } from '../sql/ingest.ts'
import { sleep } from '../util/abort.ts'
import type { Log } from '../util/log.ts'

const pollMs = 1000
/** After so many looks nobody else is about to take the files that we cannot embed; it is told once. */
const patientLooks = 5

interface IngestWorkerOptions {
  context: { db: Database; hints: Hints; retrieval: Retrieval; log: Log }
  worker: string
  /** Files at once. */
  limit: number
  isConfirmed: () => boolean
  confirmed: (signal: AbortSignal) => Promise<void>
}

interface Active {
  row: IngestRow
  stop: AbortController
  done: Promise<void>
}

/** Lives as long as the worker, under its lease. */
export class IngestWorker {
  readonly #options: IngestWorkerOptions
  readonly #active = new Map<number, Active>()
  readonly #stopping = new AbortController()
  /** Rows that the database calls ours and nobody here works on, as of the look before. */
  #strangers = new Set<number>()
  /** Embedders that files wait for in vain, and for how many looks in a row. */
  #awaited = new Map<string, number>()
  #wake = () => {}
  #deaf = () => {}
  #looping: Promise<unknown> = Promise.resolve()

  constructor(options: IngestWorkerOptions) {
    this.#options = options
  }

  start(): void {
    this.#deaf = this.#options.context.hints.hear((hint) => {
      if (hint.kind === 'ingest' || hint.kind === 'all') this.#wake()
    })
    this.#looping = Promise.all([this.#claimAll(), this.#watch()])
  }

  /** Stops at once: what is done of a file is kept, and the rest goes on elsewhere or after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    for (const active of this.#active.values()) active.stop.abort()
    await this.#looping
    await Promise.all([...this.#active.values()].map((active) => active.done))
    this.#deaf()
  }

  get #free(): number {
    return this.#options.limit - this.#active.size
  }

  async #claimAll(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const isWoken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      try {
        if (this.#free > 0 && (await this.#claim()) > 0) continue
      } catch (error) {
        this.#options.context.log('warn', 'no files could be claimed', { error })
      }
      const pause = new AbortController()
      await Promise.race([isWoken, sleep(pollMs, pause.signal)])
      pause.abort()
    }
  }

  async #claim(): Promise<number> {
    const { context, worker, isConfirmed } = this.#options
    if (!isConfirmed()) return 0
    const claim = { worker, embedder: context.retrieval.embedder.id, limit: this.#free }
    const rows = await context.db.transaction((tx) => claimIngests(tx, claim))
    for (const row of rows) this.#begin(row)
    return rows.length
  }

  #begin(row: IngestRow): void {
    const { context, worker, confirmed } = this.#options
    const stop = new AbortController()
    const work: IngestWork = {
      row,
      lease: { seq: row.seq, lease_owner: worker, attempt: row.attempt },
      confirmed,
    }
    if (this.#stopping.signal.aborted) stop.abort()
    const done = ingestFile(context.retrieval, work, stop.signal).then(() => {
      if (this.#active.get(row.seq)?.stop === stop) this.#active.delete(row.seq)
      this.#wake()
    })
    this.#active.set(row.seq, { row, stop, done })
  }

  /** Stops the work on files that were cancelled, deleted or taken over, and lets go of what nobody here knows. */
  async #watch(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await sleep(pollMs, signal)
      try {
        if (!signal.aborted) await this.#compare()
      } catch (error) {
        this.#options.context.log('warn', 'the files at work could not be looked up', { error })
      }
    }
  }

  async #compare(): Promise<void> {
    const { context, worker } = this.#options
    const asked = [...this.#active.values()]
    const owned = new Map((await ownedIngests(context.db, worker)).map((row) => [row.seq, row.attempt]))
    for (const { row, stop } of asked) {
      if (owned.get(row.seq) !== row.attempt) stop.abort()
    }
    const strangers = [...owned].filter(([seq]) => !this.#active.has(seq))
    for (const [seq, attempt] of strangers) {
      if (this.#strangers.has(seq)) await releaseIngest(context.db, { seq, lease_owner: worker, attempt })
    }
    this.#strangers = new Set(strangers.map(([seq]) => seq))
    if (this.#active.size === 0) await this.#tellStranded()
  }

  async #tellStranded(): Promise<void> {
    const { context } = this.#options
    const current = context.retrieval.embedder.id
    const stranded = await strandedIngests(context.db, current)
    const before = this.#awaited
    this.#awaited = new Map(stranded.map(({ embedder }) => [embedder, (before.get(embedder) ?? 0) + 1]))
    for (const { embedder, files } of stranded) {
      if (this.#awaited.get(embedder) !== patientLooks) continue
      context.log(
        'warn',
        'files wait for an embedder that is not configured: set it back or run npm run reindex',
        {
          files,
          embedder,
          current,
        },
      )
    }
  }
}
