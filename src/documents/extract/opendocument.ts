/** Reads OpenDocument texts and presentations (odt, odp). */
import type { SectionSink } from '../sections.ts'
import { addHeading, SectionFlow } from './section-flow.ts'
import { visitXml, type XmlAttributes, type XmlVisitor } from './xml.ts'
import { parseFailures } from '../parse-failure.ts'
import type { ZipArchive } from './zip-archive.ts'

export async function extractOpendocument(zip: ZipArchive, sink: SectionSink): Promise<void> {
  await refuseEncrypted(zip)
  const flow = new SectionFlow(sink)
  const hiddenStyles = new Set<string>()
  if (zip.has('styles.xml')) await visitXml(zip, 'styles.xml', new StyleVisitor(hiddenStyles))
  await visitXml(zip, 'content.xml', new OpendocumentVisitor(flow, hiddenStyles))
  flow.end()
}

/** An encrypted document is a valid zip with unreadable contents. Only its manifest shows the encryption. */
export async function refuseEncrypted(zip: ZipArchive): Promise<void> {
  if (!zip.has('META-INF/manifest.xml')) return
  await visitXml(zip, 'META-INF/manifest.xml', {
    open(name) {
      if (name === 'manifest:encryption-data') throw parseFailures.encrypted()
    },
  })
}

/** Elements whose text is not shown. */
const hiddenElements = new Set([
  'text:tracked-changes',
  'text:hidden-text',
  'text:hidden-paragraph',
  'office:forms',
  'svg:title',
  'svg:desc',
  'text:sequence-decls',
])

/** Collects the names of styles whose text is not shown. */
class StyleVisitor implements XmlVisitor {
  readonly #hiddenStyles: Set<string>
  #style = ''

  constructor(hiddenStyles: Set<string>) {
    this.#hiddenStyles = hiddenStyles
  }

  open(name: string, attributes: XmlAttributes): void {
    if (name === 'style:style') this.#style = attributes['style:name'] ?? ''
    if (name === 'style:text-properties' && attributes['text:display'] === 'none') {
      this.#hiddenStyles.add(this.#style)
    }
  }
}

class OpendocumentVisitor implements XmlVisitor {
  readonly #flow: SectionFlow
  readonly #hiddenStyles: Set<string>
  readonly #styles: StyleVisitor
  /** Depth inside the outermost hidden element; 0 outside. */
  #hidden = 0
  #inBody = false
  /** Depth inside paragraphs and headings; text outside is ignored. */
  #depth = 0
  #heading: { text: string; level: number } | undefined
  #slide = 0
  #cells = 0
  #lists = 0
  /** Whether the next paragraph begins a list item. */
  #isListed = false

  constructor(flow: SectionFlow, hiddenStyles: Set<string>) {
    this.#flow = flow
    this.#hiddenStyles = hiddenStyles
    this.#styles = new StyleVisitor(hiddenStyles)
  }

  open(name: string, attributes: XmlAttributes): void {
    if (name === 'office:body') this.#inBody = true
    if (!this.#inBody) this.#styles.open(name, attributes)
    if (this.#hidden > 0 || this.#isHidden(name, attributes)) this.#hidden += 1
    if (!this.#inBody || this.#hidden > 0) return
    switch (name) {
      case 'text:h':
        this.#heading = { text: '', level: Number(attributes['text:outline-level'] ?? 1) }
        this.#depth += 1
        break
      case 'text:p':
        this.#depth += 1
        if (this.#isListed) this.#flow.verbatim('- ')
        this.#isListed = false
        break
      case 'text:list-item':
        this.#lists += 1
        this.#isListed = true
        this.#flow.line()
        break
      case 'draw:page':
        this.#slide += 1
        this.#flow.place({ slide: this.#slide })
        break
      case 'table:table-row':
        this.#cells = 0
        this.#flow.line()
        break
      case 'table:table-cell':
        if (this.#cells > 0) this.#flow.cell()
        this.#cells += 1
        break
      case 'text:s':
      case 'text:tab':
        this.#add(' ')
        break
      case 'text:line-break':
        if (this.#heading) this.#add(' ')
        else this.#flow.line()
        break
    }
  }

  text(text: string): void {
    if (this.#depth > 0 && this.#hidden === 0) this.#add(text)
  }

  close(name: string): void {
    if (this.#hidden > 0) {
      this.#hidden -= 1
      return
    }
    if (!this.#inBody) return
    if (name === 'text:p') {
      this.#depth -= 1
      if (this.#cells > 0) this.#flow.text(' ')
      else if (this.#lists > 0) this.#flow.line()
      else this.#flow.paragraph()
    }
    if (name === 'text:list-item') {
      this.#lists -= 1
      this.#isListed = false
    }
    if (name === 'text:list' && this.#lists === 0) this.#flow.paragraph()
    if (name === 'text:h') this.#endHeading()
    if (name === 'table:table') {
      this.#cells = 0
      this.#flow.paragraph()
    }
  }

  #isHidden(name: string, attributes: XmlAttributes): boolean {
    if (hiddenElements.has(name)) return true
    return (
      attributes['text:display'] === 'none' || this.#hiddenStyles.has(attributes['text:style-name'] ?? '')
    )
  }

  #add(text: string): void {
    if (this.#heading) this.#heading.text += text
    else this.#flow.text(text)
  }

  #endHeading(): void {
    this.#depth -= 1
    const heading = this.#heading
    this.#heading = undefined
    if (!heading) return
    const place = this.#slide > 0 ? { slide: this.#slide } : {}
    addHeading(this.#flow, heading.text, { level: heading.level, place })
  }
}
