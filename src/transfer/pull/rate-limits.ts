/** How long a server asks its clients to wait. */

const waitHeaders = ['retry-after-ms', 'x-ms-retry-after-ms']

/** Milliseconds that the answer to a refused request asks for; undefined when it does not say. */
export function askedWaitMs(headers: Headers): number | undefined {
  for (const name of waitHeaders) {
    const ms = Number(headers.get(name) ?? NaN)
    if (Number.isFinite(ms) && ms >= 0) return ms
  }
  const text = headers.get('retry-after')
  if (text === null) return quotaWaitMs(headers)
  const seconds = Number(text)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
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
