/** The sessions of one server: one for each key, a warm pool, lifetimes, and a cap with a queue behind it. */
import { abortable, keyLock } from './key-lock.ts'
import type { SandboxDriver, SandboxDriverName, SandboxLimits, SandboxSession } from './port.ts'

/** Why a session begins without the variables of an earlier one. `new`: this server has none on record. */
export type FreshReason = 'new' | 'expired' | 'lost' | 'evicted'

export interface SandboxLease {
  session: SandboxSession
  /** True when /mnt/data is empty and no variable is set: the caller puts the files back and says so. */
  fresh: boolean
  /** Set when `fresh`. */
  reason?: FreshReason
}

export interface Sandboxes {
  /**
   * Lends the session of `key` to `work`; calls of one key run one after another. Waits when every session is at
   * work. Rejects with what `work` rejects with, with the signal's reason when it aborts while waiting, and with a
   * sentence when there is no sandbox.
   */
  use<T>(key: string, work: (lease: SandboxLease) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Ends the session of `key` and forgets that there was one. */
  end(key: string): Promise<void>
  describe(): SandboxDescription
  /** Ends every session; work in progress sees its session lost. */
  close(): Promise<void>
}

export interface SandboxDescription {
  driver?: SandboxDriverName
  /** What `import` finds, for the model's description of the tool. */
  libraries: string[]
  /** Why there is no driver, or why it is not the strongest one. */
  why?: string
}

export interface SandboxLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface SandboxesSettings {
  limits: SandboxLimits
  /** Sessions kept ready for keys that have none yet. */
  poolSize: number
  /** Live sessions, warm ones included. */
  maxSessions: number
  /** A session ends this long after its last use, and `totalMs` after its first. */
  idleMs: number
  totalMs: number
  log: SandboxLog
}

interface Entry {
  session: SandboxSession
  startedMs: number
  usedMs: number
  busy: boolean
  expiry?: NodeJS.Timeout
}

/** Keys whose lost session is remembered, so that the next lease can say why it is fresh. */
const rememberedKeys = 10_000

/** After a session could not be opened the pool leaves the host alone for this long. */
const refillPauseMs = 5000

export class SessionRegistry {
  readonly #driver: SandboxDriver
  readonly #settings: SandboxesSettings
  readonly #entries = new Map<string, Entry>()
  readonly #ended = new Map<string, FreshReason>()
  readonly #warm: SandboxSession[] = []
  readonly #waiting: (() => void)[] = []
  readonly #turns = keyLock()
  readonly #closing = new AbortController()
  /** Places of sessions that are being opened or handed over. */
  #reserved = 0
  #refilling = false
  #refillTimer: NodeJS.Timeout | undefined

  constructor(driver: SandboxDriver, settings: SandboxesSettings) {
    this.#driver = driver
    this.#settings = settings
    this.#refill()
  }

  async use<T>(key: string, work: (lease: SandboxLease) => Promise<T>, given?: AbortSignal): Promise<T> {
    const closing = this.#closing.signal
    const signal = given ? AbortSignal.any([given, closing]) : closing
    const endTurn = await this.#turns.take(key, signal)
    try {
      const lease = await this.#lend(key, signal)
      try {
        return await work(lease)
      } finally {
        await this.#giveBack(key)
      }
    } finally {
      endTurn()
    }
  }

  async end(key: string): Promise<void> {
    const endTurn = await this.#turns.take(key)
    try {
      const entry = this.#entries.get(key)
      if (entry) await this.#drop(key, entry, 'new')
      this.#ended.delete(key)
    } finally {
      endTurn()
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('The server is shutting down.'))
    clearTimeout(this.#refillTimer)
    for (const entry of this.#entries.values()) clearTimeout(entry.expiry)
    this.#entries.clear()
    this.#warm.length = 0
    await this.#driver.close()
  }

  async #lend(key: string, signal: AbortSignal): Promise<SandboxLease> {
    const entry = this.#entries.get(key)
    if (entry) {
      entry.busy = true
      clearTimeout(entry.expiry)
      const old = performance.now() - entry.startedMs >= this.#settings.totalMs
      if (entry.session.isAlive() && !old) return { session: entry.session, fresh: false }
      await this.#drop(key, entry, old ? 'expired' : 'lost')
    }
    const session = await this.#obtain(signal)
    if (this.#closing.signal.aborted) {
      await this.#discard(session)
      signal.throwIfAborted()
    }
    const now = performance.now()
    this.#entries.set(key, { session, startedMs: now, usedMs: now, busy: true })
    this.#reserved -= 1
    this.#refill()
    return { session, fresh: true, reason: this.#ended.get(key) ?? 'new' }
  }

  async #giveBack(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (!entry) return
    entry.busy = false
    entry.usedMs = performance.now()
    if (!entry.session.isAlive()) return this.#drop(key, entry, 'lost')
    const leftMs = this.#settings.totalMs - (entry.usedMs - entry.startedMs)
    const waitMs = Math.max(0, Math.min(this.#settings.idleMs, leftMs))
    entry.expiry = setTimeout(() => void this.#expire(key, entry), waitMs).unref()
    this.#wake()
  }

  async #expire(key: string, entry: Entry): Promise<void> {
    if (this.#entries.get(key) === entry && !entry.busy) await this.#drop(key, entry, 'expired')
  }

  async #drop(key: string, entry: Entry, reason: FreshReason): Promise<void> {
    clearTimeout(entry.expiry)
    this.#entries.delete(key)
    this.#remember(key, reason)
    this.#settings.log.info({ key, reason }, 'sandbox session ended')
    await this.#discard(entry.session)
    this.#wake()
  }

  #remember(key: string, reason: FreshReason): void {
    this.#ended.delete(key)
    this.#ended.set(key, reason)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > rememberedKeys && oldest !== undefined) this.#ended.delete(oldest)
  }

  /** A session for a new entry; its place is counted in `#reserved` until the entry exists. */
  async #obtain(signal: AbortSignal): Promise<SandboxSession> {
    for (;;) {
      signal.throwIfAborted()
      const ready = this.#warm.shift()
      if (ready?.isAlive()) {
        this.#reserved += 1
        return ready
      }
      if (ready) {
        await this.#discard(ready)
        continue
      }
      if (this.#live() < this.#settings.maxSessions) return this.#openReserved()
      const idle = longestIdle(this.#entries)
      if (idle) await this.#drop(idle[0], idle[1], 'evicted')
      else await abortable(new Promise<void>((resolve) => this.#waiting.push(resolve)), signal)
    }
  }

  async #openReserved(): Promise<SandboxSession> {
    this.#reserved += 1
    try {
      return await this.#driver.open(this.#settings.limits)
    } catch (error) {
      this.#reserved -= 1
      this.#wake()
      throw error
    }
  }

  #live(): number {
    return this.#entries.size + this.#warm.length + this.#reserved
  }

  /** Everyone looks again: who was first in line asks first, and a waiter that gave up must not eat the call. */
  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #hasRoom(): boolean {
    const { poolSize, maxSessions } = this.#settings
    return !this.#closing.signal.aborted && this.#warm.length < poolSize && this.#live() < maxSessions
  }

  /** Fills the pool one session at a time, so that the boot of several does not slow the cells that run. */
  #refill(): void {
    if (this.#refilling || !this.#hasRoom()) return
    this.#refilling = true
    this.#fill()
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return
        this.#settings.log.warn({ err: error }, 'a sandbox session could not be opened ahead of time')
        this.#refillTimer = setTimeout(() => this.#refill(), refillPauseMs).unref()
      })
      .finally(() => {
        this.#refilling = false
      })
  }

  async #fill(): Promise<void> {
    while (this.#hasRoom()) {
      const session = await this.#openReserved()
      this.#reserved -= 1
      if (this.#closing.signal.aborted) return this.#discard(session)
      this.#warm.push(session)
      this.#wake()
    }
  }

  async #discard(session: SandboxSession): Promise<void> {
    try {
      await session.close()
    } catch (error) {
      this.#settings.log.warn({ err: error }, 'a sandbox session did not end cleanly')
    }
  }
}

function longestIdle(entries: Map<string, Entry>): [string, Entry] | undefined {
  const idle = [...entries].filter(([, entry]) => !entry.busy)
  return idle.toSorted(([, one], [, other]) => one.usedMs - other.usedMs)[0]
}
