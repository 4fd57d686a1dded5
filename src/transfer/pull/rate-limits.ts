/** Reads from headers how long a server requests its clients to wait, also before it refuses a request. */
import { retryAfterMs } from '../../util/retry-after.ts'

/** The wait in milliseconds that the answer to a refused request asks for; undefined when it asks for none. */
export function askedWaitMs(headers: Headers): number | undefined {
  // Azure has its own headers, in milliseconds.
  const ms = headers.get('retry-after-ms') ?? headers.get('x-ms-retry-after-ms')
  const seconds = headers.get('retry-after')
  if (ms === null && seconds === null) return quotaWaitMs(headers)
  return retryAfterMs((name) => (name === 'retry-after-ms' ? ms : seconds) ?? undefined)
}

/** Milliseconds until the server takes requests again, when this answer has used up its quota. */
export function quotaWaitMs(headers: Headers): number | undefined {
  const waits = ['requests', 'tokens'].flatMap((what) => {
    if (headers.get(`x-ratelimit-remaining-${what}`) !== '0') return []
    return durationMs(headers.get(`x-ratelimit-reset-${what}`) ?? '') ?? []
  })
  return waits.length > 0 ? Math.max(...waits) : undefined
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Reads `6m0s`, `1.5s`, `20ms`, and a bare number as seconds. */
function durationMs(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  return parts.reduce((sum, [, number = '', unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0)
}
