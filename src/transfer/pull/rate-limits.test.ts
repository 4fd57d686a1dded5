import { expect, test } from 'vitest'
import { askedWaitMs, quotaWaitMs } from './rate-limits.ts'

test.each([
  [{ 'retry-after-ms': '250' }, 250],
  [{ 'x-ms-retry-after-ms': '30', 'retry-after': '9' }, 30],
  [{ 'retry-after': '2' }, 2000],
  [{ 'retry-after': '0.5' }, 500],
  [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '6m0s' }, 360_000],
  [{}, undefined],
] as [Record<string, string>, number | undefined][])(
  'the headers %j of a refused request ask to wait %j ms',
  (headers, ms) => {
    expect(askedWaitMs(new Headers(headers))).toBe(ms)
  },
)

test.each([
  [{ requests: ['0', '1.5s'] }, 1500],
  [{ requests: ['0', '20ms'] }, 20],
  [{ requests: ['0', '1h2m3s'] }, 3_723_000],
  [{ requests: ['0', '7'] }, 7000],
  [{ requests: ['0', '1s'], tokens: ['0', '3s'] }, 3000],
  [{ requests: ['1', '9s'] }, undefined],
  [{ requests: ['0', 'tomorrow'] }, undefined],
  [{}, undefined],
] as [Record<string, [string, string]>, number | undefined][])(
  'the quota %j asks to wait %j ms',
  (quota, ms) => {
    const headers = new Headers()
    for (const [what, [remaining, reset]] of Object.entries(quota)) {
      headers.set(`x-ratelimit-remaining-${what}`, remaining)
      headers.set(`x-ratelimit-reset-${what}`, reset)
    }
    expect(quotaWaitMs(headers)).toBe(ms)
  },
)
