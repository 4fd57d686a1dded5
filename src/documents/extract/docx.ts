/** Reads Word documents: paragraphs, headings, lists, tables, notes, headers and footers. */
import type { SectionSink } from '../sections.ts'
import { SectionFlow } from './section-flow.ts'
import { relationships, visitXml, type XmlVisitor } from './xml.ts'
import type { ZipArchive } from './zip-archive.ts'

export async function extractDocx(zip: ZipArchive, sink: SectionSink): Promise<void> {
  const flow = new SectionFlow(sink)
  const main = await mainPart(zip)
  const levels = await headingLevels(zip, main)
  await visitXml(zip, main, new DocxVisitor(flow, levels))
  const folder = main.slice(0, main.lastIndexOf('/') + 1)
  for (const kind of ['footnotes', 'endnotes', 'comments', 'header', 'footer']) {
    const pattern = new RegExp(`^${folder}${kind}\\d*\\.xml$`)
    for (const part of zip.names.filter((name) => pattern.test(name))) {
      flow.place({})
      await visitXml(zip, part, new DocxVisitor(flow, levels))
    }
  }
  flow.end()
}

async function mainPart(zip: ZipArchive): Promise<string> {
  for (const relation of (await relationships(zip, '')).values()) {
    if (relation.Type?.endsWith('/officeDocument')) return relation.Target ?? ''
  }
  return 'word/document.xml'
}

/** Style ids are translated ("berschrift1"), their names are not ("heading 1"). */
async function headingLevels(zip: ZipArchive, main: string): Promise<Map<string, number>> {
  const levels = new Map<string, number>()
  const styles = [...(await relationships(zip, main)).values()].find((one) => one.Type?.endsWith('/styles'))
  if (!styles?.Target || !zip.has(styles.Target)) return levels
  let id = ''
  await visitXml(zip, styles.Target, {
    open(name, attributes) {
      const value = attributes['w:val'] ?? ''
      if (name === 'w:style') id = attributes['w:styleId'] ?? ''
      if (name === 'w:outlineLvl' && Number(value) < 9) levels.set(id, Number(value) + 1)
      if (name !== 'w:name') return
      const level = /^heading (\d)$/i.exec(value)?.[1] ?? (/^title$/i.test(value) ? '1' : undefined)
      if (level) levels.set(id, Number(level))
    },
  })
  return levels
}

class DocxVisitor implements XmlVisitor {
  readonly #flow: SectionFlow
  readonly #levels: Map<string, number>
  #paragraph: { text: string; level: number; listed: boolean } | undefined
  #inText = false
  /** Depth inside `mc:Fallback`, which repeats a text box for old readers. */
  #fallback = 0
  #cells = 0
  #tables = 0

  constructor(flow: SectionFlow, levels: Map<string, number>) {
    this.#flow = flow
    this.#levels = levels
  }

  open(name: string, attributes: Record<string, string>): void {
    if (name === 'mc:Fallback') this.#fallback += 1
    if (this.#fallback > 0) return
    switch (name) {
      case 'w:p':
        // A text box lies inside a paragraph: what came before it is a paragraph of its own.
        this.#endParagraph()
        this.#paragraph = { text: '', level: 0, listed: false }
        break
      case 'w:pStyle':
        if (this.#paragraph) this.#paragraph.level = this.#levels.get(attributes['w:val'] ?? '') ?? 0
        break
      case 'w:numPr':
        if (this.#paragraph) this.#paragraph.listed = true
        break
      case 'w:t':
        this.#inText = true
        break
      case 'w:tab':
        this.#add(' ')
        break
      case 'w:br':
      case 'w:cr':
        this.#add('\n')
        break
      case 'w:noBreakHyphen':
        this.#add('-')
        break
      case 'w:tbl':
        this.#tables += 1
        this.#flow.paragraph()
        break
      case 'w:tr':
        this.#cells = 0
        this.#flow.line()
        break
      case 'w:tc':
        if (this.#cells > 0) this.#flow.cell()
        this.#cells += 1
        break
    }
  }

  text(text: string): void {
    if (this.#inText && this.#fallback === 0) this.#add(text)
  }

  close(name: string): void {
    if (name === 'mc:Fallback') this.#fallback -= 1
    if (this.#fallback > 0) return
    if (name === 'w:t') this.#inText = false
    if (name === 'w:p') this.#endParagraph()
    if (name === 'w:tbl') {
      this.#tables -= 1
      this.#flow.paragraph()
    }
  }

  #add(text: string): void {
    if (this.#paragraph) this.#paragraph.text += text
    // Text after an inner text box belongs to a paragraph that has been ended already.
    else if (text.trim() !== '') this.#paragraph = { text, level: 0, listed: false }
  }

  #endParagraph(): void {
    const paragraph = this.#paragraph
    this.#paragraph = undefined
    const text = paragraph?.text.trim()
    if (!paragraph || !text) return
    if (this.#tables > 0) {
      this.#flow.text(` ${text}`)
      return
    }
    if (paragraph.level > 0) {
      this.#flow.place({ heading: text.replace(/\s+/g, ' ').slice(0, 200) })
      this.#flow.verbatim(`${'#'.repeat(Math.min(paragraph.level, 6))} ${text}`)
      this.#flow.paragraph()
      return
    }
    if (paragraph.listed) this.#flow.line()
    else this.#flow.paragraph()
    this.#flow.verbatim(paragraph.listed ? `- ${text}` : text)
  }
}
