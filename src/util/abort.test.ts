import { getEventListeners } from 'node:events'
import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { atMost, Closing } from './abort.ts'

const [enough, tooLate] = [new Error('enough'), new Error('too late')]

test.each([0, 1])('it aborts with the first of both, case %i, and its reason', (index) => {
  const [closing, other] = [new Closing(), new AbortController()]
  const { signal } = closing.or(other.signal)
  expect(signal.aborted).toBe(false)
  const ways = [(reason: Error) => closing.close(reason), (reason: Error) => other.abort(reason)]
  ways[index]?.(enough)
  ways[1 - index]?.(tooLate)
  expect(signal.reason).toBe(enough)
})

test('it is aborted from the start when one of them is', () => {
  expect(new Closing().or(AbortSignal.abort('before')).signal.reason).toBe('before')
  const closed = new Closing()
  closed.close(enough)
  expect(closed.or(undefined).signal.reason).toBe(enough)
})

test('after the release, a signal that lives on keeps nothing', () => {
  const [closing, long] = [new Closing(), new AbortController()]
  const { signal, release } = closing.or(long.signal)
  release()
  for (const kept of [long.signal, closing.signal]) {
    expect(getEventListeners(kept, 'abort')).toEqual([])
    // `AbortSignal.any` leaves an entry in a set under a symbol.
    const sets = Object.getOwnPropertySymbols(kept)
      .filter((key) => key.description === 'kDependantSignals')
      .map((key) => (Reflect.get(kept, key) as Set<unknown> | null)?.size ?? 0)
    expect(sets.filter((size) => size > 0)).toEqual([])
  }
  long.abort()
  closing.close()
  expect(signal.aborted).toBe(false)
})

test('many callers that wait at once give no warning', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const closing = new Closing()
  const signals = Array.from({ length: 20 }, () => closing.or(undefined).signal)
  await nextTurnOfLoop()
  expect(warnings).toEqual([])
  closing.close(enough)
  expect(signals.map(({ reason }) => reason)).toEqual(signals.map(() => enough))
})

test('the result of work is waited for, for a limited time', async () => {
  expect(await atMost(60_000, Promise.resolve('done'))).toBe('done')
  await expect(atMost(60_000, Promise.reject(enough))).rejects.toBe(enough)
  expect(await atMost(1, new Promise(() => {}))).toBeUndefined()
})
