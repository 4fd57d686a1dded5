/** Checks the name of a blob and a range before they become part of a path or a header. */

/** Names are SHA-256 hashes; anything else must not reach a file system or a URL. */
export function requireBlobName(sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('the name of a blob must be 64 lower-case hex digits')
  return sha256
}

export function requireRange(range: { start: number; end: number }): void {
  const whole = Number.isSafeInteger(range.start) && Number.isSafeInteger(range.end)
  if (!whole || range.start < 0 || range.end < range.start) {
    throw new Error(`a range must have 0 <= start <= end, not ${range.start} to ${range.end}`)
  }
}
