/** Reads JSON: keeps the layout, decodes escapes in strings, and leaves out embedded binary data. */
import type { SectionSink } from '../sections.ts'
import { decodeFile } from './decode-text.ts'
import { addText } from './text.ts'

/** Shorter strings may be names or keys, and are kept. */
const leastBinaryLength = 512
const leastBinaryLine = 60

export async function extractJson(path: string, sink: SectionSink): Promise<void> {
  await addText(decodeStrings(decodeFile(path)), sink)
}

async function* decodeStrings(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  const decoder = new StringDecoder()
  for await (const piece of pieces) yield decoder.decode(piece)
  yield decoder.end()
}

/** Decodes every string literal. Works for JSON lines too, and keeps all text of invalid JSON. */
class StringDecoder {
  /** The unfinished literal, without its first quote. */
  #literal: string[] | undefined
  #isEscaped = false

  decode(piece: string): string {
    let output = ''
    let at = 0
    while (at < piece.length) {
      const end = this.#literal ? this.#literalEnd(piece, at) : piece.indexOf('"', at)
      const text = piece.slice(at, end < 0 ? piece.length : end)
      if (this.#literal) this.#literal.push(text)
      else output += text
      if (end < 0) break
      if (this.#literal) output += `"${decodeLiteral(this.#literal.join(''))}"`
      this.#literal = this.#literal ? undefined : []
      at = end + 1
    }
    return output
  }

  end(): string {
    return this.#literal ? `"${this.#literal.join('')}` : ''
  }

  /** The position of the closing quote, or -1. */
  #literalEnd(piece: string, from: number): number {
    let at = this.#isEscaped ? from + 1 : from
    this.#isEscaped = false
    while (at < piece.length) {
      if (piece[at] === '"') return at
      at += piece[at] === '\\' ? 2 : 1
    }
    this.#isEscaped = at > piece.length
    return -1
  }
}

function decodeLiteral(raw: string): string {
  if (isBinary(raw)) return ''
  if (!raw.includes('\\')) return raw
  let text = raw
  try {
    text = JSON.parse(`"${raw}"`) as string
  } catch {
    text = raw.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
  }
  return isBinary(text) ? '' : text
}

/** Base64 in one piece or in full lines, with or without `data:image/png;base64,` before it. */
function isBinary(text: string): boolean {
  if (text.length < leastBinaryLength) return false
  const lines = text
    .replace(/^data:[\w.+-]+\/[\w.+-]+;base64,/, '')
    .trimEnd()
    .split(/\r?\n/)
  const last = lines.length - 1
  return lines.every(
    (line, index) => (index === last || line.length >= leastBinaryLine) && /^[\w+/=-]*$/.test(line),
  )
}
