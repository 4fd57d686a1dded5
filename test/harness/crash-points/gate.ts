/**
 * Numbers the external effects of a process: statements, calls and parts of the model, tools, events. At one of
 * them it kills or pauses the process, or cuts its connection to the database.
 */
import {
  DatabaseUnavailable,
  type Database,
  type Queryable,
  type Statement,
} from '../../../src/database/database.ts'

/**
 * `kill`: the process is killed. `cut`: the connection is lost before the statement reaches the database, or before
 * its answer reaches the process. `pause`: the process is paused before the effect, until another one works on
 * the run or has ended it. Statements within a transaction are not paused: their locks would stop all other processes.
 */
export type FaultKind = 'kill before' | 'kill after' | 'cut before' | 'cut after' | 'pause before'

export interface Fault {
  /** The number of the effect, from 1 on. */
  at: number
  kind: FaultKind
}

type EffectKind = 'statement' | 'statement of a transaction' | 'call' | 'event'

export function isPossible(kind: FaultKind, effect: EffectKind): boolean {
  if (kind.startsWith('cut')) return effect.startsWith('statement')
  return kind !== 'pause before' || effect === 'statement' || effect === 'call'
}

/** Lives as long as one process of a test. */
export class Gate {
  /** The effects so far; the first one has number 1. */
  readonly effects: { name: string; kind: EffectKind }[] = []
  /** Resolves when the process is killed or paused. */
  readonly stopped: Promise<void>
  readonly #fault: Fault | undefined
  #markStopped = () => {}
  #resumed: Promise<void> = Promise.resolve()
  /** Ends a pause. */
  resume = () => {}
  #isKilled = false
  #wasPaused = false
  #hasMetFault = false
  #statements = 0

  constructor(fault?: Fault) {
    this.#fault = fault
    this.stopped = new Promise((resolve) => {
      this.#markStopped = resolve
    })
  }

  get isStopped(): boolean {
    return this.#isKilled || this.#wasPaused
  }

  /** Whether the process was paused for longer than its lease. */
  get wasPaused(): boolean {
    return this.#wasPaused
  }

  /** Whether the process has come as far as its fault. */
  get hasMetFault(): boolean {
    return this.#hasMetFault
  }

  /** Resolves while the process is running and not paused. */
  async alive(): Promise<void> {
    await this.#resumed
    if (this.#isKilled) await never()
  }

  /** Performs an effect outside of the process. After a kill nothing is performed and no answer comes. */
  effect<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return this.#passed({ name, kind: 'call' }, work)
  }

  /** An effect without an answer; returns whether it happens. */
  event(name: string): boolean {
    const fault = this.#next({ name, kind: 'event' })
    if (this.#isKilled) return false
    if (fault === 'kill after') this.#kill()
    return true
  }

  /** Resolves when the database has answered all statements, and what follows from the answers has been started. */
  async isQuiet(): Promise<void> {
    for (let quietTurns = 0; quietTurns < 3; quietTurns += 1) {
      const before = this.effects.length
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#statements > 0 || this.effects.length > before) quietTurns = -1
    }
  }

  /** The database as the process has it. */
  database(db: Database): Database {
    return {
      query: (statement) => this.#statement(db, statement, 'statement'),
      transaction: (work) => this.#transaction(db, work),
      listen: (...parts) => db.listen(...parts),
      dedicated: () => db.dedicated(),
      close: () => db.close(),
    }
  }

  #statement<Row extends object>(db: Queryable, statement: Statement, kind: EffectKind): Promise<Row[]> {
    const name = statement.name ?? statement.text.trim().slice(0, 30)
    return this.#passed({ name, kind }, () => this.counted(() => db.query<Row>(statement)))
  }

  async #transaction<Result>(db: Database, work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    await this.#resumed
    if (this.#isKilled) return never()
    const commit = { name: 'commit', kind: 'statement of a transaction' as const }
    let fault: FaultKind | undefined
    const committing = db.transaction(async (tx) => {
      const inside: Queryable = { query: (statement) => this.#statement(tx, statement, commit.kind) }
      // The connection of a killed process is closed, and the database rolls back what it was doing.
      const rolledBack = this.stopped.then(() => (this.#isKilled ? rollBack() : never<never>()))
      const result = await Promise.race([work(inside), rolledBack])
      fault = this.#next(commit)
      if (this.#isKilled) rollBack()
      if (fault === 'cut before') throw cut()
      return result
    })
    return this.#answer(
      this.counted(() => committing),
      () => fault,
    )
  }

  async #passed<Result>(
    effect: { name: string; kind: EffectKind },
    work: () => Promise<Result>,
  ): Promise<Result> {
    const isHeld = effect.kind !== 'statement of a transaction'
    if (isHeld) await this.#resumed
    const fault = this.#next(effect)
    if (isHeld) await this.#resumed
    if (this.#isKilled) return never()
    if (fault === 'cut before') throw cut()
    const result = await this.#answer(work(), () => fault)
    if (isHeld) await this.#resumed
    return result
  }

  /** The answer that the process gets. */
  async #answer<Result>(work: Promise<Result>, fault: () => FaultKind | undefined): Promise<Result> {
    const result = await work.catch((error: unknown) => {
      if (this.#isKilled) return never<Result>()
      throw error
    })
    if (fault() === 'kill after') this.#kill()
    if (this.#isKilled) return never()
    if (fault() === 'cut after') throw cut()
    return result
  }

  /** Performs statements that `isQuiet` waits for. By itself it gives them no number. */
  async counted<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#statements += 1
    try {
      return await work()
    } finally {
      this.#statements -= 1
    }
  }

  /** Numbers an effect; returns its fault, if it has one. */
  #next(effect: { name: string; kind: EffectKind }): FaultKind | undefined {
    if (this.#isKilled) return undefined
    this.effects.push(effect)
    const fault = this.#fault
    if (fault?.at !== this.effects.length || !isPossible(fault.kind, effect.kind)) return undefined
    this.#hasMetFault = true
    if (fault.kind === 'kill before') this.#kill()
    if (fault.kind === 'pause before') this.#pause()
    return fault.kind
  }

  #kill(): void {
    this.#isKilled = true
    this.#markStopped()
  }

  #pause(): void {
    this.#wasPaused = true
    this.#resumed = new Promise((resolve) => {
      this.resume = resolve
    })
    this.#markStopped()
  }
}

/** The answer that a killed process waits for. */
function never<Result>(): Promise<Result> {
  return new Promise(() => {})
}

function cut(): DatabaseUnavailable {
  return new DatabaseUnavailable('The connection was cut')
}

function rollBack(): never {
  throw new Error('the process was killed')
}
