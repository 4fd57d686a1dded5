/** The frames that a runner may send: lines of limited length that match a schema. They are untrusted input. */
import { z } from 'zod'
import { parseJson } from '../util/parse-json.ts'

/** Enough for an image of a few megapixels in base64; a longer line ends the session. */
const maxLineBytes = 16 * 1024 * 1024

const cell = z.int().nonnegative()
const count = z.number().nonnegative()
const changedFile = z.object({ name: z.string().max(1024), bytes: count, mtimeMs: count })

const frameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('preloaded') }),
  z.object({ type: z.literal('out'), cell, text: z.string().max(65_536) }),
  z.object({ type: z.literal('image'), cell, png: z.string() }),
  z.object({
    type: z.literal('end'),
    cell,
    status: z.enum(['ok', 'error', 'interrupted']),
    files: z.array(changedFile).max(1000).optional(),
  }),
  /** Answers of the driver whose files are inside the runner. */
  z.object({ type: z.literal('done'), request: cell, error: z.string().max(2000).optional() }),
  z.object({ type: z.literal('bytes'), request: cell, data: z.string(), size: count }),
])

export type Frame = z.infer<typeof frameSchema>

export interface FrameReader {
  push(chunk: Buffer): void
}

/** Splits a byte stream into frames. Drops lines that are not frames; calls `onFlood` for a line that is too long. */
export function frameReader(onFrame: (frame: Frame) => void, onFlood: () => void): FrameReader {
  let parts: Buffer[] = []
  let held = 0

  function line(last: Buffer): void {
    const text = Buffer.concat([...parts, last]).toString('utf8')
    parts = []
    held = 0
    const frame = parseFrame(text)
    if (frame !== undefined) onFrame(frame)
  }

  return {
    push(chunk) {
      let rest = chunk
      for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
        line(rest.subarray(0, at))
        rest = rest.subarray(at + 1)
      }
      if (rest.length === 0) return
      parts.push(rest)
      held += rest.length
      if (held > maxLineBytes) {
        parts = []
        held = 0
        onFlood()
      }
    },
  }
}

function parseFrame(text: string): Frame | undefined {
  return frameSchema.safeParse(parseJson(text)).data
}

const pngMagic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** The bytes of a PNG, or undefined for anything else. */
export function decodePng(base64: string): Buffer | undefined {
  const png = Buffer.from(base64, 'base64')
  return png.subarray(0, 8).equals(pngMagic) ? png : undefined
}
