import { expect, test } from 'vitest'
import { secondsOf } from './foreign-ids.ts'

const at = 1_714_557_600

test.each([
  [at, at],
  [at * 1000, at],
  [String(at), at],
  [` ${at}.9 `, at],
  ['2024-05-01T10:00:00Z', at],
  ['2024-05-01T12:00:00+02:00', at],
  ['2024-05-01 10:00:00+00', at],
  // Tables of databases have no time zone. The zone of the importing machine must not matter.
  ['2024-05-01 10:00:00', at],
  ['2024-05-01T10:00:00.000', at],
  ['Wed May 01 2024 12:00:00 GMT+0200 (CEST)', at],
  ['2024-05-01', at - 36_000],
  [0, 0],
  [-1, -1],
])('%j is a time', (value, seconds) => {
  expect(secondsOf(value)).toBe(seconds)
})

test.each([null, undefined, '', ' ', 'by user 3', 'Nov 28 10:51', 'yesterday', NaN, Infinity, true, {}])(
  '%j is no time',
  (value) => {
    expect(secondsOf(value)).toBeUndefined()
  },
)
