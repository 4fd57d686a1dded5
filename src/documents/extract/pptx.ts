/** Reads PowerPoint presentations: the slides in the order in which they are shown, each with its notes. */
import { parseFailures } from '../parse-failure.ts'
import type { SectionSink } from '../sections.ts'
import { SectionFlow, singleLine } from './section-flow.ts'
import { relationships, visitXml, type XmlVisitor } from './xml.ts'
import type { ZipArchive } from './zip-archive.ts'

const presentation = 'ppt/presentation.xml'

export async function extractPptx(zip: ZipArchive, sink: SectionSink): Promise<void> {
  const targets = await relationships(zip, presentation)
  const order: string[] = []
  await visitXml(zip, presentation, {
    open(name, attributes) {
      const target = name === 'p:sldId' ? targets.get(attributes['r:id'] ?? '')?.Target : undefined
      if (target) order.push(target)
    },
  })
  let slide = 0
  for (const part of order) {
    slide += 1
    await extractSlide(zip, part, { slide, sink })
  }
}

async function extractSlide(
  zip: ZipArchive,
  part: string,
  { slide, sink }: { slide: number; sink: SectionSink },
): Promise<void> {
  if (!zip.has(part)) throw parseFailures.damaged(`no slide ${part}`)
  const lines = new SlideVisitor()
  await visitXml(zip, part, lines)
  const flow = new SectionFlow(sink)
  flow.place(lines.title ? { slide, heading: lines.title.slice(0, 200) } : { slide })
  writeLines(flow, lines)
  const notes = [...(await relationships(zip, part)).values()].find((one) =>
    one.Type?.endsWith('/notesSlide'),
  )
  if (notes?.Target && zip.has(notes.Target)) {
    const speech = new SlideVisitor()
    await visitXml(zip, notes.Target, speech)
    flow.paragraph()
    writeLines(flow, speech)
  }
  flow.end()
}

function writeLines(flow: SectionFlow, { lines }: SlideVisitor): void {
  for (const line of lines) {
    flow.line()
    flow.verbatim(line)
  }
}

/** Elements of shapes. The placeholder inside a shape gives its kind, and is valid until the next shape. */
const shapes = new Set(['p:sp', 'p:graphicFrame', 'p:pic', 'p:cxnSp'])

class SlideVisitor implements XmlVisitor {
  readonly lines: string[] = []
  title = ''
  #text = ''
  #inText = false
  #isTitle = false
  #skipsShape = false
  /** Depth inside `mc:Fallback`, which repeats a shape for old readers. */
  #fallback = 0
  #cells = 0

  open(name: string, attributes: Record<string, string>): void {
    if (name === 'mc:Fallback') this.#fallback += 1
    if (this.#fallback > 0) return
    if (name === 'p:ph') {
      this.#isTitle = attributes.type === 'title' || attributes.type === 'ctrTitle'
      // Slide number, date and footer say nothing about the slide.
      this.#skipsShape = ['sldNum', 'dt', 'ftr', 'hdr'].includes(attributes.type ?? '')
    } else if (name === 'a:tr') {
      this.#cells = 0
      this.#endLine()
    } else if (name === 'a:tc') {
      if (this.#cells > 0) this.#text += ' | '
      this.#cells += 1
    } else if (name === 'a:t') {
      this.#inText = true
    } else if (name === 'a:br' || name === 'a:tab') {
      this.#text += ' '
    }
  }

  text(text: string): void {
    if (this.#inText && this.#fallback === 0) this.#text += text
  }

  close(name: string): void {
    if (name === 'mc:Fallback') this.#fallback -= 1
    if (this.#fallback > 0) return
    if (name === 'a:t') this.#inText = false
    // Within a table a line is a row, not a paragraph.
    if ((name === 'a:p' && this.#cells === 0) || name === 'a:tr') this.#endLine()
    if (name === 'a:tbl') this.#cells = 0
    if (shapes.has(name)) {
      this.#isTitle = false
      this.#skipsShape = false
    }
  }

  #endLine(): void {
    const line = singleLine(this.#text)
    this.#text = ''
    if (line === '' || this.#skipsShape) return
    if (this.#isTitle && this.title === '') this.title = line
    this.lines.push(line)
  }
}
