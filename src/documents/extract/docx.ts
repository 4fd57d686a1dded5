/** Reads Word documents: paragraphs, headings, lists, tables, notes, headers and footers. */
import type { SectionSink } from '../sections.ts'
import { addHeading, SectionFlow } from './section-flow.ts'
import { relationships, visitXml, type XmlVisitor } from './xml.ts'
import type { ZipArchive } from './zip-archive.ts'

export async function extractDocx(zip: ZipArchive, sink: SectionSink): Promise<void> {
  const flow = new SectionFlow(sink)
  const main = await mainPart(zip)
  const styles = await readStyles(zip, main)
  await visitXml(zip, main, new DocxVisitor(flow, styles))
  const folder = main.slice(0, main.lastIndexOf('/') + 1)
  for (const kind of ['footnotes', 'endnotes', 'comments', 'header', 'footer']) {
    const pattern = new RegExp(`^${folder}${kind}\\d*\\.xml$`)
    for (const part of zip.names.filter((name) => pattern.test(name))) {
      flow.place({})
      await visitXml(zip, part, new DocxVisitor(flow, styles))
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

interface DocxStyles {
  /** Style id to heading level, from 1. */
  levels: Map<string, number>
  /** Styles whose text is not shown. */
  hidden: Set<string>
}

/** Reads styles by their names ("heading 1"), because their ids are translated ("berschrift1"). */
async function readStyles(zip: ZipArchive, main: string): Promise<DocxStyles> {
  const levels = new Map<string, number>()
  const hidden = new Set<string>()
  const styles = [...(await relationships(zip, main)).values()].find((one) => one.Type?.endsWith('/styles'))
  if (!styles?.Target || !zip.has(styles.Target)) return { levels, hidden }
  let id = ''
  await visitXml(zip, styles.Target, {
    open(name, attributes) {
      const value = attributes['w:val'] ?? ''
      if (name === 'w:style') id = attributes['w:styleId'] ?? ''
      if (name === 'w:vanish' && isOn(attributes)) hidden.add(id)
      if (name === 'w:outlineLvl' && Number(value) < 9) levels.set(id, Number(value) + 1)
      if (name !== 'w:name') return
      const level = /^heading (\d)$/i.exec(value)?.[1] ?? (/^title$/i.test(value) ? '1' : undefined)
      if (level) levels.set(id, Number(level))
    },
  })
  return { levels, hidden }
}

/** `<w:vanish/>` is on. `<w:vanish w:val="0"/>` is off, and overrides the style. */
function isOn(attributes: Record<string, string>): boolean {
  return !['0', 'false', 'off'].includes(attributes['w:val'] ?? '')
}

/** Subtrees that are not shown: the copy of a text box for old readers, and text that was moved or deleted. */
const hiddenElements = new Set(['mc:Fallback', 'w:moveFrom', 'w:del', 'w:rPrChange', 'w:pPrChange'])

class DocxVisitor implements XmlVisitor {
  readonly #flow: SectionFlow
  readonly #styles: DocxStyles
  #paragraph: { text: string; level: number; isListed: boolean; isHidden: boolean } | undefined
  #inText = false
  /** Depth inside hidden elements. */
  #hidden = 0
  #inRun = false
  #isRunHidden = false
  #cells = 0
  #tables = 0

  constructor(flow: SectionFlow, styles: DocxStyles) {
    this.#flow = flow
    this.#styles = styles
  }

  open(name: string, attributes: Record<string, string>): void {
    if (hiddenElements.has(name)) this.#hidden += 1
    if (this.#hidden > 0) return
    const value = attributes['w:val'] ?? ''
    switch (name) {
      case 'w:p':
        // A text box is inside a paragraph: the text before it is a separate paragraph.
        this.#endParagraph()
        this.#paragraph = { text: '', level: 0, isListed: false, isHidden: false }
        break
      case 'w:pStyle':
        if (this.#paragraph) {
          this.#paragraph.level = this.#styles.levels.get(value) ?? 0
          this.#paragraph.isHidden = this.#styles.hidden.has(value)
        }
        break
      case 'w:numPr':
        if (this.#paragraph) this.#paragraph.isListed = true
        break
      case 'w:r':
        this.#inRun = true
        this.#isRunHidden = this.#paragraph?.isHidden ?? false
        break
      case 'w:rStyle':
        if (this.#inRun && this.#styles.hidden.has(value)) this.#isRunHidden = true
        break
      case 'w:vanish':
        if (this.#inRun) this.#isRunHidden = isOn(attributes)
        break
      case 'w:t':
      case 'm:t':
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
    if (this.#inText && this.#hidden === 0) this.#add(text)
  }

  close(name: string): void {
    if (hiddenElements.has(name)) {
      this.#hidden -= 1
      return
    }
    if (this.#hidden > 0) return
    if (name === 'w:t' || name === 'm:t') this.#inText = false
    if (name === 'w:r') {
      this.#inRun = false
      this.#isRunHidden = false
    }
    if (name === 'w:p') this.#endParagraph()
    if (name === 'w:tbl') {
      this.#tables -= 1
      this.#flow.paragraph()
    }
  }

  #add(text: string): void {
    if (this.#isRunHidden) return
    if (this.#paragraph) this.#paragraph.text += text
    // Text after an inner text box belongs to a paragraph that was ended before the box.
    else if (text.trim() !== '') this.#paragraph = { text, level: 0, isListed: false, isHidden: false }
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
      addHeading(this.#flow, text, { level: paragraph.level, place: {} })
      return
    }
    if (paragraph.isListed) this.#flow.line()
    else this.#flow.paragraph()
    this.#flow.verbatim(paragraph.isListed ? `- ${text}` : text)
  }
}
