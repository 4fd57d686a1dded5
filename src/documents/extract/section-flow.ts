/** Turns a run of text, breaks and headings, as the readers of marked-up formats meet them, into sections. */
import type { SectionPlace, SectionSink } from '../sections.ts'

/** A section longer than this is passed on at its next line break, so that a book in one piece stays small in memory. */
const flushLength = 64 * 1024

export class SectionFlow {
  readonly #sink: SectionSink
  #place: SectionPlace = {}
  #parts: string[] = []
  #length = 0
  #breaks = 0
  /** White space or a cell border that comes before the next text, if that is in the same line. */
  #gap = ''

  constructor(sink: SectionSink) {
    this.#sink = sink
  }

  /** Adds text with white space collapsed as a browser does. */
  text(text: string): void {
    const collapsed = text.replace(/[ \t\n\r\f\u200b]+/g, ' ')
    const words = collapsed.trim()
    if (collapsed.startsWith(' ')) this.#gap ||= ' '
    if (words === '') return
    this.verbatim(words)
    if (collapsed.endsWith(' ')) this.#gap = ' '
  }

  /** Adds text as it stands, line breaks included. */
  verbatim(text: string): void {
    if (text === '') return
    if (this.#length > 0) this.#push(this.#breaks > 0 ? '\n'.repeat(this.#breaks) : this.#gap)
    this.#breaks = 0
    this.#gap = ''
    this.#push(text)
  }

  /** The next text lies in another cell of the same row. */
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

  /** What follows lies elsewhere: another page, slide or heading. */
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
