/** Reads web pages with a streaming parser: the shown text, with headings, lists, tables and line breaks kept. */
import { Parser } from 'htmlparser2'
import { parseFailures } from '../parse-failure.ts'
import type { SectionPlace, SectionSink } from '../sections.ts'
import { decodeFile, htmlEncoding } from './decode-text.ts'
import { addHeading, SectionFlow } from './section-flow.ts'

/** Elements that are never shown. */
const invisible = new Set(['script', 'style', 'template', 'noscript'])
/** Elements with little information about the page, or the same on every page of a site. */
const skipped = new Set([...invisible, 'nav', 'svg', 'iframe', 'object', 'select'])
const blocks = new Set(
  (
    'address article aside blockquote body dd details div dl dt fieldset figcaption figure footer form header hgroup ' +
    'hr main ol option p pre section summary table tbody thead tfoot ul'
  ).split(' '),
)
/** Parts of forms: their text is a separate word. */
const controls = new Set(['button', 'label', 'textarea', 'legend', 'output'])
/** Deeper pages are refused: the time of the parser grows with the square of the depth. */
const maxDepth = 150_000

/** The parser calls `open`, `text` and `close` in the order of the page. */
class PageReader {
  readonly #flow: SectionFlow
  readonly #place: SectionPlace
  #preformatted = 0
  #cells = 0
  #heading: string | undefined

  constructor(flow: SectionFlow, place: SectionPlace) {
    this.#flow = flow
    this.#place = place
    flow.place(place)
  }

  open(name: string): void {
    const flow = this.#flow
    if (/^h[1-6]$/.test(name)) this.#heading = ''
    else if (this.#heading !== undefined) this.#separate(name)
    else if (name === 'br') this.#break()
    else if (name === 'li') {
      flow.line()
      flow.verbatim('- ')
    } else if (name === 'tr') {
      this.#cells = 0
      flow.line()
    } else if (name === 'td' || name === 'th') {
      if (this.#cells > 0) flow.cell()
      this.#cells += 1
    } else if (controls.has(name)) {
      flow.text(' ')
    } else if (blocks.has(name)) {
      flow.paragraph()
      if (name === 'pre') this.#preformatted += 1
    }
  }

  close(name: string): void {
    const flow = this.#flow
    if (/^h[1-6]$/.test(name)) this.#endHeading(Number(name[1]))
    else if (this.#heading !== undefined) this.#separate(name)
    else if (name === 'li' || name === 'tr') flow.line()
    else if (controls.has(name)) flow.text(' ')
    else if (name === 'title') flow.paragraph()
    else if (blocks.has(name)) {
      flow.paragraph()
      if (name === 'pre') this.#preformatted = Math.max(0, this.#preformatted - 1)
    }
  }

  text(text: string): void {
    if (this.#heading !== undefined) this.#heading += text
    else if (this.#preformatted > 0) this.#flow.verbatim(text)
    else this.#flow.text(text)
  }

  #break(): void {
    if (this.#preformatted > 0) this.#flow.verbatim('\n')
    else this.#flow.line()
  }

  #separate(name: string): void {
    if (
      this.#heading !== undefined &&
      (name === 'br' || name === 'td' || controls.has(name) || blocks.has(name))
    )
      this.#heading += ' '
  }

  #endHeading(level: number): void {
    const heading = this.#heading ?? ''
    this.#heading = undefined
    addHeading(this.#flow, heading, { level, place: this.#place })
  }
}

type PageEvent = ['open' | 'close' | 'text', string]

/**
 * Leaves out skipped elements. Holds their events back until the element ends: when the end tag is missing, the element
 * would contain the rest of the page, so its events are passed on.
 */
class SkipFilter {
  readonly #reader: PageReader
  #held: PageEvent[] = []
  /** The outermost skipped element that is open, and how many of its name are open. */
  #skipping = ''
  #nested = 0

  constructor(reader: PageReader) {
    this.#reader = reader
  }

  open(name: string): void {
    if (this.#skipping === name) this.#nested += 1
    else if (this.#skipping === '' && skipped.has(name)) {
      this.#skipping = name
      this.#nested = 1
    }
    this.#pass(['open', name])
  }

  text(text: string): void {
    this.#pass(['text', text])
  }

  /** `isImplied` when the page has no end tag for the element. */
  close(name: string, isImplied: boolean): void {
    this.#pass(['close', name])
    if (name !== this.#skipping) return
    this.#nested -= 1
    if (this.#nested > 0 && !isImplied) return
    const held = this.#held
    this.#held = []
    this.#skipping = ''
    if (isImplied && !invisible.has(name)) for (const [event, value] of held) this.#reader[event](value)
  }

  #pass([event, value]: PageEvent): void {
    if (this.#skipping === '') this.#reader[event](value)
    else if (!invisible.has(this.#skipping)) this.#held.push([event, value])
  }
}

/** A parser that adds its text to the flow. Every section gets `place`. `isXml`: the page is XHTML. */
export function htmlParser(
  flow: SectionFlow,
  { place = {}, isXml = false }: { place?: SectionPlace; isXml?: boolean } = {},
): Parser {
  const filter = new SkipFilter(new PageReader(flow, place))
  let depth = 0
  return new Parser(
    {
      onopentagname: (name) => {
        depth += 1
        if (depth > maxDepth) throw parseFailures.tooDeep()
        filter.open(name)
      },
      onclosetag: (name, isImplied) => {
        depth -= 1
        filter.close(name, isImplied)
      },
      ontext: (text) => filter.text(text),
    },
    { decodeEntities: true, recognizeSelfClosing: isXml },
  )
}

export async function extractHtml(path: string, sink: SectionSink): Promise<void> {
  const flow = new SectionFlow(sink)
  let parser: Parser | undefined
  for await (const text of decodeFile(path, htmlEncoding)) {
    parser ??= htmlParser(flow, { isXml: isXhtml(text) })
    parser.write(text)
  }
  parser?.end()
  flow.end()
}

/** In XHTML `<script src="x"/>` is a complete element; in HTML it would contain the rest of the page. */
function isXhtml(head: string): boolean {
  return /^\s*<\?xml|^[^>]{0,200}<!DOCTYPE html PUBLIC "-\/\/W3C\/\/DTD XHTML/i.test(head.slice(0, 1000))
}
