/** Waiting that can be aborted, or that takes a limited time. */
import { setTimeout as wait } from 'node:timers/promises'

/** Resolves after `ms`. On abort it resolves at once, so the caller must check the signal. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, signal && { signal }).catch(() => undefined)
}

/**
 * A time near `ms`, for loops that poll. With equal times all loops of a process would ask the database at the same moments,
 * each on a connection of its own.
 */
export const spread = (ms: number) => ms * (0.75 + Math.random() / 2)

/** The pause of a loop that polls. Resolves with false on abort. */
export async function pollPause(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(spread(ms), signal)
  return !signal.aborted
}

/** The result of the work; undefined when it takes longer than `ms`, and the work is not stopped. */
export async function atMost<Result>(ms: number, work: Promise<Result>): Promise<Result | undefined> {
  const timer = new AbortController()
  try {
    return await Promise.race([work, sleep(ms, timer.signal).then(() => undefined)])
  } finally {
    timer.abort()
  }
}

/** Settles like the promise, or rejects with the signal's reason, whichever is first. */
export async function abortable<T>(promise: Promise<T> | T, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  let onAbort = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * The close of an object in which callers wait. It has a list of its own for them: a signal that lives long gets slower with
 * each listener, Node.js warns about more than ten, and `AbortSignal.any` leaves a reference in it for ever.
 */
export class Closing {
  readonly #controller = new AbortController()
  readonly #aborts = new Set<() => void>()

  get isClosed(): boolean {
    return this.#controller.signal.aborted
  }

  /** Aborts at the close. For a few listeners. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Returns a signal that aborts at the close or with `other`, with the reason of the first. Call `release` in the end. */
  or(other: AbortSignal | undefined): { signal: AbortSignal; release: () => void } {
    const controller = new AbortController()
    const abort = () => controller.abort((other?.aborted ? other : this.signal).reason)
    this.#aborts.add(abort)
    other?.addEventListener('abort', abort, { once: true })
    if (other?.aborted || this.isClosed) abort()
    const release = () => {
      this.#aborts.delete(abort)
      other?.removeEventListener('abort', abort)
    }
    return { signal: controller.signal, release }
  }

  close(reason?: Error): void {
    this.#controller.abort(reason)
    for (const abort of this.#aborts) abort()
  }
}
