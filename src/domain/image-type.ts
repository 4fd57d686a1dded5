/** Detects from the first bytes of a file whether it is an image that models can read. The file name is ignored. */

/** The number of bytes that are needed. */
export const signatureBytes = 12

/** A media type, or null for everything else. */
export function imageTypeOf(head: Buffer): string | null {
  const isAt = (start: number, text: string) =>
    head.subarray(start, start + text.length).toString('latin1') === text
  if (isAt(0, '\x89PNG\r\n\x1a\n')) return 'image/png'
  if (isAt(0, '\xff\xd8\xff')) return 'image/jpeg'
  if (isAt(0, 'GIF87a') || isAt(0, 'GIF89a')) return 'image/gif'
  if (isAt(0, 'RIFF') && isAt(8, 'WEBP')) return 'image/webp'
  return null
}
