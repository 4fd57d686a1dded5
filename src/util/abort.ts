/** Waiting that can be aborted. */
import { setTimeout as wait } from 'node:timers/promises'

/** Resolves after `ms`. On abort it resolves at once, so the caller must check the signal. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, signal && { signal }).catch(() => undefined)
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
 * A signal that aborts with the first of these. `release` must be called in the end. For signals that live long:
 * `AbortSignal.any` leaves a reference in each of them for ever.
 */
export function firstAborted(signals: readonly AbortSignal[]): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController()
  const releases = signals.map((signal) => {
    const abort = () => controller.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    return () => signal.removeEventListener('abort', abort)
  })
  return { signal: controller.signal, release: () => releases.forEach((release) => release()) }
}
