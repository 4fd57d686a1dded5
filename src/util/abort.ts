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
