/** The sessions of one driver: one for each key, some started in advance, with lifetimes and a maximum number. */
import { abortable, Closing, sleep } from '../util/abort.ts'
import type { Log } from '../util/log.ts'
import { keyLock } from './key-lock.ts'
import type { SandboxDriver, SandboxLimits, SandboxSession } from './port.ts'

/** Why a session starts without the variables of an earlier one. `new`: this server knows of none. */
export type FreshReason = 'new' | 'expired' | 'lost' | 'evicted'

export interface PooledSession {
  session: SandboxSession
  /** True when /mnt/data is empty and no variable is set: the caller copies the files into it and informs the model. */
  fresh: boolean
  /** Set when `fresh`. */
  reason?: FreshReason
}

export interface SessionPoolSettings {
  limits: SandboxLimits
  /** How many sessions are started in advance, for keys that have none yet. */
  poolSize: number
  /** The maximum number of sessions, including those started in advance. */
  maxSessions: number
  /** The memory limit of all sessions together, MiB. */
  totalMemoryMb: number
  /** A session ends this long after its last use, and `totalMs` after its first. */
  idleMs: number
  totalMs: number
  log: Log
}

interface Entry {
  session: SandboxSession
  /** The last measurement. The processes of an idle session are stopped, so its memory does not grow. */
  memoryBytes: number
  startedMs: number
  usedMs: number
  busy: boolean
  expiry?: NodeJS.Timeout
}

/** The number of keys for which the end of the last session is remembered, to report why the next one is fresh. */
const rememberedKeys = 10_000

/** How long the pool waits after a session could not be opened. */
const refillPauseMs = 5000

/** How often the memory of all sessions is measured while cells run. */
const memoryEveryMs = 250

export class SessionPool {
  readonly #driver: SandboxDriver
  readonly #settings: SessionPoolSettings
  readonly #entries = new Map<string, Entry>()
  readonly #ended = new Map<string, FreshReason>()
  readonly #warm: SandboxSession[] = []
  readonly #waiting: (() => void)[] = []
  readonly #locks = keyLock()
  readonly #closing = new Closing()
  /** Sessions that are being opened or assigned to a key: they count, but are in no list yet. */
  #reserved = 0
  #refilling = false
  #isWatching = false
  #refillTimer: NodeJS.Timeout | undefined

  constructor(driver: SandboxDriver, settings: SessionPoolSettings) {
    this.#driver = driver
    this.#settings = settings
    this.#refill()
  }

  async use<T>(key: string, work: (pooled: PooledSession) => Promise<T>, aborted?: AbortSignal): Promise<T> {
    const { signal, release } = this.#closing.or(aborted)
    try {
      return await this.#use(key, work, signal)
    } finally {
      release()
    }
  }

  async #use<T>(key: string, work: (pooled: PooledSession) => Promise<T>, signal: AbortSignal): Promise<T> {
    const unlock = await this.#locks.take(key, signal)
    try {
      const pooled = await this.#acquire(key, signal)
      this.#watchMemory()
      try {
        return await work(pooled)
      } finally {
        await this.#release(key)
      }
    } finally {
      unlock()
    }
  }

  /** Ends the session of `key` at once, also in the middle of a cell, and forgets that there was one. */
  async end(key: string): Promise<void> {
    await this.#endNow(key)
    // A call that still waits for the key may open a session again. That session is ended after the call.
    const unlock = await this.#locks.take(key)
    try {
      await this.#endNow(key)
      this.#ended.delete(key)
    } finally {
      unlock()
    }
  }

  async #endNow(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry) await this.#drop(key, entry, 'new')
  }

  async close(): Promise<void> {
    this.#closing.close(new Error('The server is shutting down.'))
    clearTimeout(this.#refillTimer)
    for (const entry of this.#entries.values()) clearTimeout(entry.expiry)
    this.#entries.clear()
    this.#warm.length = 0
    await this.#driver.close()
  }

  async #acquire(key: string, signal: AbortSignal): Promise<PooledSession> {
    const entry = this.#entries.get(key)
    if (entry) {
      entry.busy = true
      clearTimeout(entry.expiry)
      const old = performance.now() - entry.startedMs >= this.#settings.totalMs
      if (entry.session.isAlive() && !old) return { session: entry.session, fresh: false }
      await this.#drop(key, entry, old ? 'expired' : 'lost')
    }
    const session = await this.#obtain(signal)
    if (this.#closing.isClosed) {
      await this.#discard(session)
      signal.throwIfAborted()
    }
    const now = performance.now()
    this.#entries.set(key, { session, memoryBytes: 0, startedMs: now, usedMs: now, busy: true })
    this.#reserved -= 1
    this.#refill()
    return { session, fresh: true, reason: this.#ended.get(key) ?? 'new' }
  }

  async #release(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (!entry) return
    entry.busy = false
    // Measured once more, now that it no longer grows.
    entry.memoryBytes = 0
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
    this.#settings.log('info', 'sandbox session ended', { key, reason })
    await this.#discard(entry.session)
    this.#wake()
  }

  /** Runs while any session is busy. */
  #watchMemory(): void {
    if (this.#isWatching) return
    this.#isWatching = true
    const watch = async () => {
      while (!this.#closing.isClosed && [...this.#entries.values()].some(({ busy }) => busy)) {
        await this.#limitMemory()
        await sleep(memoryEveryMs, this.#closing.signal)
      }
    }
    watch()
      .catch((error: unknown) => {
        this.#settings.log('warn', 'the memory of the sandbox sessions cannot be measured', { err: error })
      })
      .finally(() => {
        this.#isWatching = false
      })
  }

  /** Ends idle sessions, the longest idle first, and then the largest busy one, until the rest is within the limit. */
  async #limitMemory(): Promise<void> {
    const limit = this.#settings.totalMemoryMb * 1024 * 1024
    for (const entry of this.#entries.values()) {
      if (entry.busy || entry.memoryBytes === 0) entry.memoryBytes = await entry.session.memoryBytes()
    }
    let total = 0
    for (const { memoryBytes } of this.#entries.values()) total += memoryBytes
    while (total > limit) {
      const idle = longestIdle(this.#entries)
      if (idle) {
        total -= idle[1].memoryBytes
        await this.#drop(idle[0], idle[1], 'evicted')
        continue
      }
      const [largest] = [...this.#entries.values()].toSorted(
        (one, other) => other.memoryBytes - one.memoryBytes,
      )
      this.#settings.log('warn', 'a cell was stopped: the sandbox sessions take too much memory', {
        bytes: total,
      })
      largest?.session.stopForMemory()
      return
    }
  }

  #remember(key: string, reason: FreshReason): void {
    this.#ended.delete(key)
    this.#ended.set(key, reason)
    const [oldest] = this.#ended.keys()
    if (this.#ended.size > rememberedKeys && oldest !== undefined) this.#ended.delete(oldest)
  }

  /** Returns a session for a new entry. `#reserved` counts it until the entry exists. */
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

  /** Wakes all waiting calls in their order: an aborted one must not use up the only wake-up. */
  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #canOpenAhead(): boolean {
    const { poolSize, maxSessions } = this.#settings
    return !this.#closing.isClosed && this.#warm.length < poolSize && this.#live() < maxSessions
  }

  /** Fills the pool one session at a time, so that many starts do not slow down the running cells. */
  #refill(): void {
    if (this.#refilling || !this.#canOpenAhead()) return
    this.#refilling = true
    this.#fill()
      .catch((error: unknown) => {
        if (this.#closing.isClosed) return
        this.#settings.log('warn', 'a spare sandbox session could not be opened', { err: error })
        this.#refillTimer = setTimeout(() => this.#refill(), refillPauseMs).unref()
      })
      .finally(() => {
        this.#refilling = false
      })
  }

  async #fill(): Promise<void> {
    while (this.#canOpenAhead()) {
      const session = await this.#openReserved()
      this.#reserved -= 1
      if (this.#closing.isClosed) return this.#discard(session)
      this.#warm.push(session)
      this.#wake()
    }
  }

  async #discard(session: SandboxSession): Promise<void> {
    try {
      await session.close()
    } catch (error) {
      this.#settings.log('warn', 'a sandbox session did not end cleanly', { err: error })
    }
  }
}

function longestIdle(entries: Map<string, Entry>): [string, Entry] | undefined {
  const idle = [...entries].filter(([, entry]) => !entry.busy)
  return idle.toSorted(([, one], [, other]) => one.usedMs - other.usedMs)[0]
}
