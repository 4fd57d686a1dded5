/** One turn at a time for each key, in the order of asking. */

export interface KeyLock {
  /** Resolves with the function that ends the turn. Rejects with the signal's reason when it aborts first. */
  take(key: string, signal?: AbortSignal): Promise<() => void>
}

export function keyLock(): KeyLock {
  const last = new Map<string, Promise<void>>()
  return {
    async take(key, signal) {
      const before = last.get(key)
      let end = () => {}
      const over = new Promise<void>((resolve) => {
        end = resolve
      })
      const mine = (before ?? Promise.resolve()).then(() => over)
      last.set(key, mine)
      void mine.then(() => last.get(key) === mine && last.delete(key))
      try {
        await abortable(before, signal)
      } catch (error) {
        end()
        throw error
      }
      return end
    },
  }
}

/** The promise's result, or a rejection with the signal's reason, whichever is first. */
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
