/** Reads plain text, Markdown and source code of any length as a stream. */
import type { SectionSink } from '../sections.ts'
import { decodeFile, sourceEncoding } from './decode-text.ts'

const pieceLength = 64 * 1024

export async function extractText(path: string, sink: SectionSink): Promise<void> {
  await addText(decodeFile(path, sourceEncoding), sink)
}

/** Adds text from pieces of any length as sections of whole lines. */
export async function addText(pieces: AsyncIterable<string>, sink: SectionSink): Promise<void> {
  let rest = ''
  for await (const text of pieces) {
    rest += text
    const cut = rest.lastIndexOf('\n') + 1
    // Text without a line break is cut at the limit.
    const length = cut > 0 ? cut : rest.length
    if (length < pieceLength) continue
    sink.add({ text: rest.slice(0, length) })
    rest = rest.slice(length)
  }
  sink.add({ text: rest })
}

/** Reads Markdown as text, with a new section at every heading outside code blocks. */
export async function extractMarkdown(path: string, sink: SectionSink): Promise<void> {
  const reader = new MarkdownReader(sink)
  let rest = ''
  for await (const text of decodeFile(path, sourceEncoding)) {
    rest += text
    const lines = rest.split(/(?<=\n)/)
    rest = rest.endsWith('\n') ? '' : (lines.pop() ?? '')
    if (rest.length > pieceLength) {
      lines.push(rest)
      rest = ''
    }
    for (const line of lines) reader.add(line)
  }
  reader.add(rest)
  reader.end()
}

/** Takes Markdown line by line, each with its line break. */
export class MarkdownReader {
  readonly #sink: SectionSink
  #lines: string[] = []
  #length = 0
  #heading: string | undefined
  /** The fence that ends the current code block; empty outside code blocks. */
  #fence = ''

  constructor(sink: SectionSink) {
    this.#sink = sink
  }

  add(line: string): void {
    const fence = /^ {0,3}(```+|~~~+)/.exec(line)?.[1]?.slice(0, 3) ?? ''
    if (fence !== '' && (this.#fence === '' || this.#fence === fence)) {
      this.#fence = this.#fence === '' ? fence : ''
    }
    const heading = this.#fence === '' ? /^ {0,3}#{1,6}\s+(.{1,200}?)\s*#*\s*$/.exec(line)?.[1] : undefined
    if (heading !== undefined || this.#length > pieceLength) this.end()
    if (heading !== undefined) this.#heading = heading
    this.#lines.push(line)
    this.#length += line.length
  }

  end(): void {
    const text = this.#lines.join('')
    this.#sink.add(this.#heading === undefined ? { text } : { text, heading: this.#heading })
    this.#lines = []
    this.#length = 0
  }
}
