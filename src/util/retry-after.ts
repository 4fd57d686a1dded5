/** How long a server asks its clients to wait. */

/**
 * Milliseconds from `retry-after-ms`, else from `retry-after`, which holds seconds or a date; undefined when the headers
 * do not say. `header` finds a header by its name in lower case.
 */
export function retryAfterMs(header: (name: string) => string | undefined): number | undefined {
  const exact = Number(header('retry-after-ms') ?? NaN)
  if (Number.isFinite(exact) && exact >= 0) return exact
  const text = header('retry-after')
  if (text === undefined) return undefined
  const seconds = Number(text)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
