/** Models that can be replaced while they are in use, for a reload of the configuration. */
import type { Models } from './open.ts'

export interface ReplaceableModels {
  /** Each call uses the newest models. `close` closes the replaced ones too. */
  models: Models
  /** The replaced models are closed when `unused` resolves: until then, requests and runs may use them. */
  replace: (next: Models, unused: Promise<unknown>) => void
}

export function replaceableModels(first: Models): ReplaceableModels {
  let current = first
  const replaced = new Set<Models>()
  const close = async () => {
    await Promise.all([...replaced, current].map((models) => models.close()))
  }
  return {
    models: new Proxy(first, {
      get: (_first, name) => (name === 'close' ? close : (Reflect.get(current, name) as unknown)),
    }),
    replace(next, unused) {
      const former = current
      current = next
      replaced.add(former)
      void unused.then(async () => {
        if (replaced.delete(former)) await former.close()
      })
    },
  }
}
