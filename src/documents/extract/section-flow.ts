/** Builds sections from the text, breaks and headings that the reader of a format finds. */
import type { SectionPlace, SectionSink } from '../sections.ts'

/** A section longer than this is written at its next line break, to limit the memory for a long document. */
const flushLength = 64 * 1024
/** White space of every kind, such as no-break, em and ideographic spaces. It separates words. */
const blanks = /[\t\n\r\f\v\p{Zs}\u2028\u2029]+/gu
/** Characters without width that only mark possible line breaks. */
const invisible = /[\u00ad\u200b\u2060\ufeff]/g

/** Replaces white space by single spaces, and removes soft hyphens. */
export function collapseBlanks(text: string): string {
  return text.replace(invisible, '').replace(blanks, ' ')
}

/** A text as one trimmed line, for headings and cells. */
export function singleLine(text: string): string {
  return collapseBlanks(text).trim()
}

export class SectionFlow {
  readonly #sink: SectionSink
  #place: SectionPlace = {}
  #parts: string[] = []
  #length = 0
  #breaks = 0
  /** White space or a cell border to write before the next text of the same line. */
  #gap = ''

  constructor(sink: SectionSink) {
    this.#sink = sink
  }

  /** Adds text with white space collapsed. */
  text(text: string): void {
    const collapsed = collapseBlanks(text)
    const words = collapsed.trim()
    if (collapsed.startsWith(' ')) this.#gap ||= ' '
    if (words === '') return
    this.verbatim(words)
    if (collapsed.endsWith(' ')) this.#gap = ' '
  }

  /** Adds text unchanged, line breaks included. */
  verbatim(text: string): void {
    if (text === '') return
    if (this.#length > 0) this.#push(this.#breaks > 0 ? '\n'.repeat(this.#breaks) : this.#gap)
    this.#breaks = 0
    this.#gap = ''
    this.#push(text)
  }

  /** The next text is in another cell of the same row. */
  cell(): void {
    this.#gap = ' | '
  }

  /** The next text begins a new line. */
  line(): void {
    this.#breaks = Math.max(this.#breaks, 1)
    if (this.#length > flushLength) this.#flush()
  }

  /** The next text begins after an empty line. */
  paragraph(): void {
    this.#breaks = 2
    if (this.#length > flushLength) this.#flush()
  }

  /** The next text has another place: page, slide or heading. */
  place(place: SectionPlace): void {
    this.#flush()
    this.#place = place
  }

  end(): void {
    this.#flush()
  }

  #push(text: string): void {
    this.#parts.push(text)
    this.#length += text.length
  }

  #flush(): void {
    const text = this.#parts.join('').trimEnd()
    if (text !== '') this.#sink.add({ text: `${text}\n${this.#breaks === 1 ? '' : '\n'}`, ...this.#place })
    this.#parts = []
    this.#length = 0
    this.#breaks = 0
    this.#gap = ''
  }
}

/** Begins a new section with the heading as its first line. `level` counts from 1. */
export function addHeading(
  flow: SectionFlow,
  text: string,
  { level, place }: { level: number; place: SectionPlace },
): void {
  const heading = singleLine(text)
  if (heading === '') return
  flow.place({ ...place, heading: heading.slice(0, 200) })
  flow.verbatim(`${'#'.repeat(Math.min(Math.max(level, 1), 6))} ${heading}`)
  flow.paragraph()
}
