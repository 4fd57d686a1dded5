/** Reads OpenDocument texts and presentations (odt, odp). */
import type { SectionSink } from '../sections.ts'
import { SectionFlow } from './section-flow.ts'
import { visitXml, type XmlVisitor } from './xml.ts'
import { parseFailures } from '../parse-failure.ts'
import type { ZipArchive } from './zip-archive.ts'

export async function extractOpendocument(zip: ZipArchive, sink: SectionSink): Promise<void> {
  await refuseEncrypted(zip)
  const flow = new SectionFlow(sink)
  await visitXml(zip, 'content.xml', new OpendocumentVisitor(flow))
  flow.end()
}

/** An encrypted document is a sound zip whose content is noise; its manifest says so. */
export async function refuseEncrypted(zip: ZipArchive): Promise<void> {
  if (!zip.has('META-INF/manifest.xml')) return
  await visitXml(zip, 'META-INF/manifest.xml', {
    open(name) {
      if (name === 'manifest:encryption-data') throw parseFailures.encrypted()
    },
  })
}

/** Elements whose text is no part of what a reader sees. */
const hidden = new Set([
  'text:tracked-changes',
  'office:forms',
  'svg:title',
  'svg:desc',
  'text:sequence-decls',
])

class OpendocumentVisitor implements XmlVisitor {
  readonly #flow: SectionFlow
  #hidden = 0
  #inBody = false
  /** Inside paragraphs and headings only is text text. */
  #depth = 0
  #heading: { text: string; level: number } | undefined
  #slide = 0
  #cells = 0
  #lists = 0
  /** The next paragraph begins a list item. */
  #listed = false

  constructor(flow: SectionFlow) {
    this.#flow = flow
  }

  open(name: string, attributes: Record<string, string>): void {
    if (name === 'office:body') this.#inBody = true
    if (hidden.has(name)) this.#hidden += 1
    if (!this.#inBody || this.#hidden > 0) return
    if (name === 'text:h') {
      this.#heading = { text: '', level: Number(attributes['text:outline-level'] ?? 1) }
      this.#depth += 1
    } else if (name === 'text:p') {
      this.#depth += 1
      if (this.#listed) this.#flow.verbatim('- ')
      this.#listed = false
    } else if (name === 'text:list-item') {
      this.#lists += 1
      this.#listed = true
      this.#flow.line()
    } else if (name === 'draw:page') {
      this.#slide += 1
      this.#flow.place({ slide: this.#slide })
    } else if (name === 'table:table-row') {
      this.#cells = 0
      this.#flow.line()
    } else if (name === 'table:table-cell') {
      if (this.#cells > 0) this.#flow.cell()
      this.#cells += 1
    } else if (name === 'text:s' || name === 'text:tab') {
      this.#add(' ')
    } else if (name === 'text:line-break') {
      this.#flow.line()
    }
  }

  text(text: string): void {
    if (this.#depth > 0 && this.#hidden === 0) this.#add(text)
  }

  close(name: string): void {
    if (hidden.has(name)) this.#hidden -= 1
    if (!this.#inBody || this.#hidden > 0) return
    if (name === 'text:p') {
      this.#depth -= 1
      if (this.#cells > 0) this.#flow.text(' ')
      else if (this.#lists > 0) this.#flow.line()
      else this.#flow.paragraph()
    }
    if (name === 'text:list-item') {
      this.#lists -= 1
      this.#listed = false
    }
    if (name === 'text:list' && this.#lists === 0) this.#flow.paragraph()
    if (name === 'text:h') this.#endHeading()
    if (name === 'table:table') {
      this.#cells = 0
      this.#flow.paragraph()
    }
  }

  #add(text: string): void {
    if (this.#heading) this.#heading.text += text
    else this.#flow.text(text)
  }

  #endHeading(): void {
    this.#depth -= 1
    const heading = this.#heading
    this.#heading = undefined
    const text = heading?.text.replace(/\s+/g, ' ').trim()
    if (!heading || !text) return
    this.#flow.place({ ...(this.#slide > 0 && { slide: this.#slide }), heading: text.slice(0, 200) })
    this.#flow.verbatim(`${'#'.repeat(Math.min(Math.max(heading.level, 1), 6))} ${text}`)
    this.#flow.paragraph()
  }
}
