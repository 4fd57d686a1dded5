/** The run engine of one process: real except for the model and the sandbox. */
import { Readable } from 'node:stream'
import { AssistantCache } from '../../../src/domain/assistant-cache.ts'
import type { Context } from '../../../src/domain/context.ts'
import { expireRuns } from '../../../src/domain/runs.ts'
import { RunLimits } from '../../../src/domain/run-limits.ts'
import { toolFiles } from '../../../src/domain/files.ts'
import { waitForVectorStores } from '../../../src/domain/vector-stores.ts'
import type { Database } from '../../../src/database/database.ts'
import { ActiveRuns } from '../../../src/engine/active-runs.ts'
import { claimRuns } from '../../../src/engine/claim.ts'
import type { ChatModel } from '../../../src/models/port.ts'
import type { Feed, FeedEvent } from '../../../src/runs/feed.ts'
import { Slots } from '../../../src/runs/slots.ts'
import { Hints } from '../../../src/runs/hints.ts'
import { RunWriter } from '../../../src/runs/run-writer.ts'
import { RunLog } from '../../../src/runs/run-log.ts'
import type { OwnedRun } from '../../../src/runs/owned-run.ts'
import { WorkWriter } from '../../../src/engine/work-writer.ts'
import type { SandboxSession } from '../../../src/sandbox/port.ts'
import type { Sandbox } from '../../../src/sandbox/sandbox.ts'
import { openRetrieval } from '../../../src/search/open.ts'
import { renewLease, retireAllWorkers } from '../../../src/sql/leases.ts'
import type { RecordedCall } from '../../../src/sql/run-steps.ts'
import { openTools } from '../../../src/tools/registry.ts'
import type { TestClock } from '../clock.ts'
import type { Gate } from './gate.ts'
import { recordedCalls } from './rows.ts'
import type { BlobStore } from '../../../src/blobs/port.ts'

/** What is kept when a process ends. */
export interface World {
  db: Database
  blobs: BlobStore
  clock: TestClock
  /** Events that clients received from all processes. */
  seen: FeedEvent[]
  /** The cells that were started in all processes, with the calls that were recorded at that time. */
  cells: { code: string; recorded: RecordedCall[] }[]
}

/** `piecewise`: each part of the answer is written before the next one comes. `at once`: parts are written together. */
export type Pace = 'piecewise' | 'at once'

export class EngineProcess {
  readonly gate: Gate
  readonly context: Context
  readonly #world: World
  readonly #worker: string
  readonly #runs: ActiveRuns

  constructor(
    world: World,
    options: { gate: Gate; worker: string; pace: Pace; model: (process: EngineProcess) => ChatModel },
  ) {
    const { gate, worker } = options
    this.gate = gate
    this.#world = world
    this.#worker = worker
    const db = gate.database(world.db)
    this.context = contextOf(world, db, gate)
    const { context } = this
    const writer = new PacedWriter({ ...context, isConfirmed: () => !gate.wasPaused }, options.pace)
    const chat = options.model(this)
    const resolved = {
      chat,
      provider: 'scripted',
      origins: ['scripted'],
      model: 'scripted',
      context_window: 100_000,
      facts: {},
    }
    this.#runs = new ActiveRuns({
      dependencies: {
        db,
        log: context.log,
        clock: context.clock,
        models: { ...noModels, resolve: () => resolved },
        tools: openTools({
          db,
          files: toolFiles(context),
          retrieval: context.retrieval,
          waitForVectorStores: (row, stores, signal) =>
            waitForVectorStores(context, row.project, stores, signal),
          sandbox: scriptedSandbox(world, gate),
          worker,
        }),
        workWriter: new WorkWriter({ db, log: context.log, isOn: () => false }),
        loadImage: () => Promise.reject(new Error('no scenario has images')),
        confirmed: async (signal) => {
          // The lease of a paused process has expired, and its runs are lost.
          if (gate.wasPaused) await aborted(signal)
          signal.throwIfAborted()
        },
      },
      writer,
      worker,
      modelBehind: context.modelBehind,
      onEnd: () => {},
    })
  }

  /** As the first process after a restart: no other process has a lease. Its own lease does not expire. */
  async start(): Promise<void> {
    await retireAllWorkers(this.#world.db)
    await this.#world.db.query({
      text: `insert into workers (id, expires_at) values ($1, now() + interval '1 hour')`,
      values: [this.#worker],
    })
    this.context.slots.offer(() => ({
      worker: this.#worker,
      start: (run) => void this.#runs.start(run, performance.now()),
      create: (...run) => this.#runs.create(...run, new AbortController().signal),
      release: () => {},
    }))
    this.context.hints.subscribe((hint) => {
      if (hint.kind === 'cancel') void this.#runs.refresh(hint.run_id)
    })
  }

  /** Advances the clock past the expiry of a run. */
  passDeadline(deadline: number): void {
    const { clock } = this.#world
    const missing = deadline + 1 - Math.floor(clock.nowMs() / 1000)
    if (missing > 0) clock.advance(missing)
  }

  /** Resolves when there is no run left that this process works on. */
  async isIdle(): Promise<void> {
    while (this.#runs.size > 0) await this.#runs.ended()
  }

  /** The heartbeat: drops lost runs, obeys cancels and deadlines. */
  async beat(): Promise<void> {
    await this.gate.alive()
    // Counted: the lease of a killed process must not be renewed after its replacement has started.
    const owned = await this.gate.counted(() => renewLease(this.#world.db, this.#worker))
    await this.#runs.compare(owned, performance.now())
  }

  /** What a worker does each second. */
  async look(): Promise<void> {
    await this.beat()
    const { claimed } = await claimRuns(this.context, this.#worker, 20)
    for (const run of claimed) await this.#runs.start(run, performance.now())
    await expireRuns(this.context)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

const noModels = {
  list: async () => [],
  find: async () => undefined,
  health: () => [],
  settings: { providers: {}, models: {} },
  hop: 'hop',
  raw: () => undefined,
  server: () => undefined,
  description: 'scripted',
  isDemo: false,
  close: async () => {},
}

function contextOf({ blobs, clock, seen }: World, db: Database, gate: Gate): Context {
  const hints = new Hints({ shared: false })
  const log = () => undefined
  return {
    db,
    blobs,
    retrieval: openRetrieval({ db, blobs, clock, log, embedder: noEmbedder, memoryBytes: 1024 * 1024 }),
    clock,
    hints,
    runLog: new WatchedRunLog(db, hints, { gate, seen }),
    slots: new Slots(),
    assistants: new AssistantCache(hints),
    runLimits: new RunLimits({ maxQueuedRuns: 1000, maxProjectRuns: 1000 }),
    log,
    runExpiresSeconds: 600,
    runLogDays: 30,
    traceDays: 0,
    modelBehind: () => 'scripted/scripted',
  }
}

const noEmbedder = {
  id: 'none/1',
  dimensions: 1,
  windowTokens: 1,
  embed: () => Promise.reject(new Error('no scenario embeds')),
  close: async () => {},
}

/** Events pass the gate on their way to the clients. */
class WatchedRunLog extends RunLog {
  readonly #options: { gate: Gate; seen: FeedEvent[] }

  constructor(db: Database, hints: Hints, options: { gate: Gate; seen: FeedEvent[] }) {
    super(db, hints)
    this.#options = options
  }

  override addFeed(feed: Feed): void {
    const { gate, seen } = this.#options
    const emit = feed.emit.bind(feed)
    feed.emit = (entries) => {
      const sent = entries.filter((entry) => gate.event(entry.event))
      seen.push(...sent)
      emit(sent)
    }
    super.addFeed(feed)
  }
}

class PacedWriter extends RunWriter {
  readonly #pace: Pace

  constructor(options: ConstructorParameters<typeof RunWriter>[0], pace: Pace) {
    super(options)
    this.#pace = pace
  }

  override schedule(run: OwnedRun, urgency: 'soon' | 'now'): void {
    super.schedule(run, this.#pace === 'piecewise' ? 'now' : urgency)
  }
}

/** A cell prints its code and writes one file. */
function scriptedSandbox({ cells, db }: World, gate: Gate): Sandbox {
  const sessionOf = (thread_id: string): SandboxSession => ({
    isAlive: () => true,
    put: async () => {},
    link: async () => {},
    run: async (code, onEvent) => {
      cells.push({ code, recorded: await recordedCalls(db, thread_id) })
      await gate.effect('cell begins', async () => onEvent({ type: 'logs', text: `ran ${code}\n` }))
      await gate.effect('cell ends', async () => onEvent({ type: 'file', name: 'made.txt', bytes: 4 }))
      return { status: 'ok', sessionLost: false }
    },
    memoryBytes: async () => 0,
    stopForMemory: () => {},
    read: async () => Readable.from(['made']),
    close: async () => {},
  })
  return {
    start: () => {},
    use: (key, work) => work({ session: sessionOf(key), fresh: true, reason: 'new' }),
    end: async () => {},
    describe: () => ({ driver: null, libraries: [] }),
    close: async () => {},
  }
}
