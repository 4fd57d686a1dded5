/**
 * Follows a run's event log. It reconnects after any interruption and continues after the last event that it received, so
 * that a page that was reloaded and a server that was restarted leave no gap.
 */
import { failureOf, rawCall } from '../api/client.ts'
import { applyEvent, emptyState, type RunState } from './run-state.ts'
import { sentEvents } from './sse.ts'

export type Link = 'connecting' | 'live' | 'away' | 'ended' | 'missing'

export interface Snapshot {
  state: RunState
  link: Link
  /** Raised with every change: the state itself is one object. */
  version: number
}

const firstPauseMs = 300
const longestPauseMs = 5000
/** A stream without any line, not even a comment, for this time is treated as lost. */
const silenceMs = 45_000

export class RunFeed {
  readonly #path: string
  readonly #state = emptyState()
  readonly #listeners = new Set<() => void>()
  readonly #stop = new AbortController()
  #snapshot: Snapshot = { state: this.#state, link: 'connecting', version: 0 }
  #isDue = false

  constructor(thread_id: string, run_id: string) {
    this.#path = `/threads/${encodeURIComponent(thread_id)}/runs/${encodeURIComponent(run_id)}/events`
    void this.#follow()
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly snapshot = (): Snapshot => this.#snapshot

  close(): void {
    this.#stop.abort()
  }

  async #follow(): Promise<void> {
    let pause = firstPauseMs
    while (!this.#stop.signal.aborted && !this.#state.isEnded) {
      const before = this.#state.last
      const link = await this.#read().catch((error: unknown): Link =>
        failureOf(error).status === 404 ? 'missing' : 'away',
      )
      if (this.#state.isEnded || this.#stop.signal.aborted) break
      this.#notify(link)
      if (link === 'missing') return
      pause = this.#state.last > before ? firstPauseMs : Math.min(pause * 2, longestPauseMs)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
    this.#notify('ended')
  }

  /** One connection, to its end. */
  async #read(): Promise<Link> {
    const quiet = new AbortController()
    let timer = setTimeout(() => quiet.abort(), silenceMs)
    try {
      const signal = AbortSignal.any([this.#stop.signal, quiet.signal])
      const response = await rawCall({
        method: 'GET',
        path: `${this.#path}?after=${this.#state.last}`,
        signal,
      })
      this.#notify('live')
      for await (const { id, event, data } of sentEvents(response)) {
        clearTimeout(timer)
        timer = setTimeout(() => quiet.abort(), silenceMs)
        if (id === undefined) continue
        applyEvent(this.#state, { number: id, event, data, receivedAt: Date.now() })
        this.#notify('live')
      }
      return 'away'
    } finally {
      clearTimeout(timer)
    }
  }

  /** Listeners are called at most once per frame. */
  #notify(link: Link): void {
    this.#snapshot = { state: this.#state, link, version: this.#snapshot.version + 1 }
    if (this.#isDue) return
    this.#isDue = true
    const notify = () => {
      this.#isDue = false
      for (const listener of this.#listeners) listener()
    }
    // Frames stop in a hidden tab; the state must not.
    if (document.hidden) setTimeout(notify, 100)
    else requestAnimationFrame(notify)
  }
}
