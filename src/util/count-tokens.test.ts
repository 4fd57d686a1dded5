import { setImmediate as nextTurnOfLoop } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { countTokens, loadTokenCounter } from './count-tokens.ts'

test('a text has the tokens of o200k_base', async () => {
  expect(await countTokens('')).toBe(0)
  expect(await countTokens('The heron waits in shallow water.')).toBe(8)
  expect(await countTokens('<|endoftext|>')).toBe(7)
})

test('a long text of words counts the same in slices as in one piece', async () => {
  const text = 'The heron waits in shallow water, and the stones lie in the sun.\n'.repeat(1_000)
  const count = await loadTokenCounter()
  expect(await countTokens(text)).toBe(count(text))
})

test('what lies beyond 400,000 characters is estimated', async () => {
  expect(await countTokens('hello world '.repeat(100_000))).toBeGreaterThan(190_000)
})

test.for([
  ['spaces', ' '],
  ['line breaks', '\n'],
  ['spaces and line breaks', ' \n'],
  ['one letter', 'a'],
  ['letters and spaces that do not break', 'a\u00a0'],
  ['combining marks', 'a\u0301'],
])('counting 256,000 characters of %s does not block the event loop', async ([, unit = '']) => {
  const text = unit.repeat(256_000 / unit.length)
  let turns = 0
  let isDone = false
  const counting = countTokens(text).finally(() => (isDone = true))
  while (!isDone) {
    await nextTurnOfLoop()
    turns += 1
  }
  expect(await counting).toBeGreaterThan(0)
  expect(turns).toBeGreaterThanOrEqual(256_000 / 16_384)
})
