import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { firstAborted } from './abort.ts'

test.each([0, 1])('it aborts with signal %i and its reason', (index) => {
  const sources = [new AbortController(), new AbortController()]
  const { signal } = firstAborted(sources.map((source) => source.signal))
  expect(signal.aborted).toBe(false)
  sources[index]?.abort('enough')
  sources[1 - index]?.abort('too late')
  expect(signal.reason).toBe('enough')
})

test('it is aborted from the start when one of them is', () => {
  const { signal } = firstAborted([new AbortController().signal, AbortSignal.abort('before')])
  expect(signal.reason).toBe('before')
})

test('after the release, a signal that lives on keeps nothing', () => {
  const long = new AbortController()
  const { signal, release } = firstAborted([new AbortController().signal, long.signal])
  release()
  expect(getEventListeners(long.signal, 'abort')).toEqual([])
  // `AbortSignal.any` leaves an entry in a set under a symbol.
  const sets = Object.getOwnPropertySymbols(long.signal)
    .filter((key) => key.description === 'kDependantSignals')
    .map((key) => (Reflect.get(long.signal, key) as Set<unknown> | null)?.size ?? 0)
  expect(sets.filter((size) => size > 0)).toEqual([])
  long.abort()
  expect(signal.aborted).toBe(false)
})
