/** Claims files that wait for ingest, a few at a time, beside the runs of the worker. */
import type { Hints } from '../runs/hints.ts'
import {
  claimIngests,
  ownedIngests,
  recoverIngests,
  releaseIngest,
  strandedIngests,
  type IngestRow,
} from '../sql/ingest.ts'
import { atMost, pollPause, spread } from '../util/abort.ts'
import type { ClaimedFile, IngestContext } from './claimed-file.ts'
import { makeAllSegments } from './make-segments.ts'
import { processFile } from './process-file.ts'

const pollMs = 1000
/** When reading a file takes longer than this, one more file may be claimed, from a store that has no claimed file. */
const slowMs = 2000
/** Files that have waited for another embedder for this many polls are logged, once. */
const strandedPolls = 5

interface IngestWorkerOptions {
  context: IngestContext
  hints: Hints
  worker: string
  /** Files at once; one more may be claimed beside a slow one. */
  limit: () => number
  isConfirmed: () => boolean
  confirmed: (signal: AbortSignal) => Promise<void>
}

interface ActiveFile {
  row: IngestRow
  startMs: number
  stop: AbortController
  done: Promise<void>
}

/** Lives as long as the worker, under its lease. */
export class IngestWorker {
  readonly #options: IngestWorkerOptions
  readonly #active = new Map<number, ActiveFile>()
  readonly #stopping = new AbortController()
  /** Rows that this worker owns in the database and does not work on, as of the poll before. */
  #orphaned = new Set<number>()
  /** Embedders that files wait for, and for how many polls in a row. */
  #awaited = new Map<string, number>()
  #wake = () => {}
  #unsubscribe = () => {}
  #looping: Promise<unknown> = Promise.resolve()

  constructor(options: IngestWorkerOptions) {
    this.#options = options
  }

  start(): void {
    this.#unsubscribe = this.#options.hints.subscribe((hint) => {
      if (hint.kind === 'ingest' || hint.kind === 'all') this.#wake()
    })
    this.#looping = Promise.all([
      this.#claimLoop(),
      this.#watchLoop(),
      makeAllSegments(this.#options, this.#stopping.signal),
    ])
  }

  /** Stops at once: the progress of a file is kept, and another process or the next start continues. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    for (const active of this.#active.values()) active.stop.abort()
    await this.#looping
    await this.settled()
    this.#unsubscribe()
  }

  /** Resolves when the work on the present files has ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#active.values()].map((active) => active.done))
  }

  async #claimLoop(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const isWoken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      try {
        if ((await this.#claim()) > 0) continue
      } catch (error) {
        this.#options.context.log('warn', 'no files could be claimed', { error })
      }
      await atMost(spread(pollMs), isWoken)
    }
  }

  async #claim(): Promise<number> {
    const { context, worker, isConfirmed } = this.#options
    const limit = this.#options.limit()
    const active = [...this.#active.values()]
    const isExtra = active.length === limit && active.some(isSlow)
    if (!isConfirmed() || (active.length >= limit && !isExtra)) return 0
    const rows = await claimIngests(context.db, {
      worker,
      embedder: context.embedder.id,
      limit: isExtra ? 1 : limit - active.length,
      suspects: active.every(({ row }) => row.recoveries === 0),
      except: isExtra ? active.map(({ row }) => row.vector_store_id) : [],
    })
    for (const row of rows) this.#begin(row)
    return rows.length
  }

  #begin(row: IngestRow): void {
    const { context, worker, confirmed } = this.#options
    const stop = new AbortController()
    const lease = { seq: row.seq, lease_owner: worker, attempt: row.attempt }
    const file: ClaimedFile = { row, lease, confirmed }
    if (this.#stopping.signal.aborted) stop.abort()
    const done = processFile(context, file, stop.signal).then(() => {
      if (this.#active.get(row.seq)?.stop === stop) this.#active.delete(row.seq)
      this.#wake()
    })
    this.#active.set(row.seq, { row, startMs: performance.now(), stop, done })
  }

  /** Recovers files of ended processes, and stops the work on files that were cancelled, deleted or recovered. */
  async #watchLoop(): Promise<void> {
    const { signal } = this.#stopping
    while (await pollPause(pollMs, signal)) {
      try {
        await this.#watch()
      } catch (error) {
        this.#options.context.log('warn', 'the claimed files could not be compared', { error })
      }
    }
  }

  async #watch(): Promise<void> {
    const { context, worker } = this.#options
    const recovered = await recoverIngests(context.db)
    if (recovered > 0) {
      context.log('info', 'files of a worker whose lease expired are recovered', { files: recovered })
      this.#wake()
    }
    const active = [...this.#active.values()]
    const owned = new Map((await ownedIngests(context.db, worker)).map((row) => [row.seq, row.attempt]))
    for (const { row, stop } of active) {
      if (owned.get(row.seq) !== row.attempt) stop.abort()
    }
    const orphaned = [...owned].filter(([seq]) => !this.#active.has(seq))
    for (const [seq, attempt] of orphaned) {
      if (this.#orphaned.has(seq)) await releaseIngest(context.db, { seq, lease_owner: worker, attempt })
    }
    this.#orphaned = new Set(orphaned.map(([seq]) => seq))
    if (this.#active.size === 0) await this.#logStranded()
  }

  async #logStranded(): Promise<void> {
    const { context } = this.#options
    const current = context.embedder.id
    const stranded = await strandedIngests(context.db, current)
    const before = this.#awaited
    this.#awaited = new Map(stranded.map(({ embedder }) => [embedder, (before.get(embedder) ?? 0) + 1]))
    for (const { embedder, files } of stranded) {
      if (this.#awaited.get(embedder) !== strandedPolls) continue
      context.log(
        'warn',
        'files wait for an embedder that is not configured: configure it again or run npm run reindex',
        { files, embedder, current },
      )
    }
  }
}

function isSlow({ row, startMs }: ActiveFile): boolean {
  return row.chunk_count === null && performance.now() - startMs > slowMs
}
