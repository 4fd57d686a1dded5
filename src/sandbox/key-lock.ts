/** A lock for each key, granted in the order of the requests. */
import { abortable } from '../util/abort.ts'

export interface KeyLock {
  /** Resolves with the function that unlocks the key. Rejects with the signal's reason when it aborts first. */
  take(key: string, signal?: AbortSignal): Promise<() => void>
}

export function keyLock(): KeyLock {
  const last = new Map<string, Promise<void>>()
  return {
    async take(key, signal) {
      const before = last.get(key)
      let end = () => {}
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      const mine = (before ?? Promise.resolve()).then(() => ended)
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
