/** Creates small documents of every format, valid and invalid, so that the repository contains none. */
import { utils, write, CFB } from '@e965/xlsx'
import { zipSync, strToU8 } from 'fflate'

export function zip(parts: Record<string, string | Uint8Array>): Uint8Array {
  return zipSync(
    Object.fromEntries(
      Object.entries(parts).map(([name, part]) => [name, typeof part === 'string' ? strToU8(part) : part]),
    ),
  )
}

const relsOpen = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
const kinds = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'

export function docx(body: string, more: Record<string, string> = {}): Uint8Array {
  return zip({
    '_rels/.rels': `${relsOpen}<Relationship Id="r1" Type="${kinds}/officeDocument" Target="word/document.xml"/></Relationships>`,
    'word/_rels/document.xml.rels': `${relsOpen}<Relationship Id="s1" Type="${kinds}/styles" Target="styles.xml"/></Relationships>`,
    'word/styles.xml': `<w:styles><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles>`,
    'word/document.xml': `<?xml version="1.0"?><w:document><w:body>${body}</w:body></w:document>`,
    ...more,
  })
}

export function docxParagraph(text: string, properties = ''): string {
  return `<w:p><w:pPr>${properties}</w:pPr><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`
}

export interface Slide {
  title: string
  lines: string[]
  notes?: string
}

export function pptx(slides: Slide[]): Uint8Array {
  const shape = (type: string, lines: string[]) =>
    `<p:sp><p:nvSpPr><p:nvPr><p:ph type="${type}"/></p:nvPr></p:nvSpPr><p:txBody>${lines
      .map((line) => `<a:p><a:r><a:t>${line}</a:t></a:r></a:p>`)
      .join('')}</p:txBody></p:sp>`
  return pptxOf(
    slides.map(
      ({ title, lines }) => shape('title', [title]) + shape('body', lines) + shape('sldNum', ['77']),
    ),
    slides.map(({ notes }) => notes && shape('body', [notes])),
  )
}

/** A deck of slides and notes in XML. The parts are numbered against the order of the slides, as after moving them. */
export function pptxOf(slides: string[], notes: (string | undefined)[] = []): Uint8Array {
  const parts: Record<string, string> = {}
  const number = (index: number) => slides.length - index
  parts['ppt/presentation.xml'] = `<p:presentation><p:sldIdLst>${slides
    .map((_, index) => `<p:sldId id="${256 + index}" r:id="r${index}"/>`)
    .join('')}</p:sldIdLst></p:presentation>`
  parts['ppt/_rels/presentation.xml.rels'] = `${relsOpen}${slides
    .map(
      (_, index) =>
        `<Relationship Id="r${index}" Type="${kinds}/slide" Target="slides/slide${number(index)}.xml"/>`,
    )
    .join('')}</Relationships>`
  slides.forEach((slide, index) => {
    const name = `slide${number(index)}.xml`
    parts[`ppt/slides/${name}`] = `<p:sld>${slide}</p:sld>`
    if (notes[index] === undefined) return
    parts[`ppt/slides/_rels/${name}.rels`] =
      `${relsOpen}<Relationship Id="n" Type="${kinds}/notesSlide" Target="../notesSlides/notes${index}.xml"/></Relationships>`
    parts[`ppt/notesSlides/notes${index}.xml`] = `<p:notes>${notes[index]}</p:notes>`
  })
  return zip(parts)
}

export function odt(body: string): Uint8Array {
  return zip({
    'content.xml': `<office:document-content><office:body>${body}</office:body></office:document-content>`,
  })
}

export function epub(chapters: string[]): Uint8Array {
  const items = chapters.map((_, index) => `<item id="c${index}" href="text/ch%20${index}.xhtml"/>`).join('')
  const spine = chapters.map((_, index) => `<itemref idref="c${index}"/>`).join('')
  return zip({
    mimetype: 'application/epub+zip',
    'META-INF/container.xml':
      '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
    'OPS/book.opf': `<package><manifest>${items}</manifest><spine>${spine}</spine></package>`,
    ...Object.fromEntries(
      chapters.map((chapter, index) => [
        `OPS/text/ch ${index}.xhtml`,
        `<html><body>${chapter}</body></html>`,
      ]),
    ),
  })
}

export type Sheets = Record<string, unknown[][]>

export function workbook(sheets: Sheets, bookType: 'xlsx' | 'biff8' | 'ods'): Uint8Array {
  const book = utils.book_new()
  for (const [name, rows] of Object.entries(sheets)) {
    utils.book_append_sheet(book, utils.aoa_to_sheet(rows, { cellDates: true }), name)
  }
  return write(book, { type: 'buffer', bookType }) as Uint8Array
}

/** A PDF of plain pages; `trailer` is written into the trailer, with further `objects` that it names. */
export function pdf(pages: string[], options: { trailer?: string; objects?: string[] } = {}): Uint8Array {
  const objects: string[] = []
  const kids = pages.map((_, index) => `${4 + index * 2} 0 R`).join(' ')
  objects.push('<< /Type /Catalog /Pages 2 0 R >>')
  objects.push(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`)
  objects.push('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>')
  pages.forEach((page, index) => {
    const lines = page === '' ? [] : page.split('\n')
    const stream =
      lines.length === 0
        ? ''
        : `BT /F1 12 Tf 72 720 Td 14 TL ${lines.map((line) => `(${line}) Tj T*`).join(' ')} ET`
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${5 + index * 2} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
    )
    objects.push(`<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`)
  })
  objects.push(...(options.objects ?? []))
  return pdfOf(objects, options.trailer)
}

/** A PDF of objects that are numbered from 1; the first is the catalog. */
export function pdfOf(objects: string[], trailer = ''): Uint8Array {
  let text = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const offset = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return offset
  })
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const size = objects.length + 1
  text += `xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${text.length}\n%%EOF\n`
  return Buffer.from(text, 'latin1')
}

/** A PDF whose font has a predefined character map, with one page for each string of hex codes. */
export function pdfWithCmap(font: { cmap: string; collection: string }, codes: string[]): Uint8Array {
  const kids = codes.map((_, index) => `${5 + index * 2} 0 R`).join(' ')
  const pages = codes.flatMap((code, index) => {
    const stream = code === '' ? '' : `BT /F1 12 Tf 72 720 Td <${code}> Tj ET`
    return [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${6 + index * 2} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    ]
  })
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${codes.length} >>`,
    `<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /${font.cmap} /DescendantFonts [4 0 R] >>`,
    `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Any /CIDSystemInfo << /Registry (Adobe) /Ordering (${font.collection}) /Supplement 2 >> /DW 1000 /FontDescriptor << /Type /FontDescriptor /FontName /Any /Flags 4 >> >>`,
    ...pages,
  ])
}

/** A PDF form: a page of text and annotations, each given as the entries of its dictionary. */
export function pdfForm(text: string, annotations: string[]): Uint8Array {
  const stream = text === '' ? '' : `BT /F1 12 Tf 72 720 Td (${text}) Tj ET`
  const numbers = annotations.map((_, index) => `${6 + index} 0 R`).join(' ')
  return pdfOf([
    `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [${numbers}] /DA (/F1 0 Tf) /DR << /Font << /F1 3 0 R >> >> >> >>`,
    '<< /Type /Pages /Kids [4 0 R] /Count 1 >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Annots [${numbers}] /Resources << /Font << /F1 3 0 R >> >> >>`,
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    ...annotations.map((entries) => `<< /Type /Annot /Rect [10 10 200 30] /P 4 0 R ${entries} >>`),
  ])
}

/** Bytes of a text in an encoding that `TextDecoder` can read; nothing in Node can write them. */
export function encodeText(text: string, label: string): Buffer {
  const decoder = new TextDecoder(label)
  const decode = (...bytes: number[]) =>
    decoder.decode(Uint8Array.from(bytes), { stream: true }) + decoder.decode()
  const codes = new Map<string, number[]>()
  for (let first = 0x80; first <= 0xff; first += 1) {
    codes.set(decode(first), [first])
    for (let second = 0x40; second <= 0xfe; second += 1) {
      const character = decode(first, second)
      if (Array.from(character).length === 1 && !codes.has(character)) codes.set(character, [first, second])
    }
  }
  return Buffer.from(
    Array.from(text).flatMap((character) => {
      const code = character < '\u0080' ? [character.charCodeAt(0)] : codes.get(character)
      if (!code) throw new Error(`${label} has no ${character}`)
      return code
    }),
  )
}

/** A PDF with a password: its check values fit no known password. */
export function encryptedPdf(): Uint8Array {
  const noise = (seed: number) =>
    `<${Array.from({ length: 32 }, (_, at) => ((at * 37 + seed) % 256).toString(16).padStart(2, '0')).join('')}>`
  return pdf(['secret'], {
    trailer: `/Encrypt 6 0 R /ID [${noise(1)} ${noise(1)}]`,
    objects: [`<< /Filter /Standard /V 1 /R 2 /O ${noise(3)} /U ${noise(5)} /P -4 >>`],
  })
}

/** The smallest Word 97 document that a reader accepts: one piece of text. */
export function doc(text: string): Uint8Array {
  const header = Buffer.alloc(1024)
  header.writeUInt16LE(0xa5ec, 0)
  header.writeUInt16LE(193, 2)
  header.writeUInt16LE(0x0200, 0x0a)
  const body = Buffer.from(text.replaceAll('\n', '\r'), 'utf16le')
  header.writeUInt32LE(text.length, 0x4c)
  const clx = Buffer.alloc(5 + 8 + 8)
  clx.writeUInt8(2, 0)
  clx.writeUInt32LE(16, 1)
  clx.writeUInt32LE(0, 5)
  clx.writeUInt32LE(text.length, 9)
  clx.writeUInt16LE(0, 13)
  clx.writeUInt32LE(header.length, 15)
  header.writeUInt32LE(0, 0x01a2)
  header.writeUInt32LE(clx.length, 0x01a6)
  const container = CFB.utils.cfb_new()
  // Streams below 4096 bytes would go to the mini stream.
  CFB.utils.cfb_add(container, '/WordDocument', Buffer.concat([header, body, Buffer.alloc(4096)]))
  CFB.utils.cfb_add(container, '/1Table', Buffer.concat([clx, Buffer.alloc(4096)]))
  return CFB.write(container, { type: 'buffer' }) as Uint8Array
}

/** A docx of a few hundred kilobytes whose text inflates to `megabytes`. */
export function zipBomb(megabytes: number): Uint8Array {
  const filler = Buffer.alloc(1 << 20, 'a ')
  const text = Buffer.concat([
    Buffer.from('<w:document><w:body><w:p><w:r><w:t>'),
    ...Array.from({ length: megabytes }, () => filler),
    Buffer.from('</w:t></w:r></w:p></w:body></w:document>'),
  ])
  return zip({ 'word/document.xml': text })
}

export function billionLaughs(): string {
  const entities = Array.from(
    { length: 9 },
    (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`,
  ).join('')
  return `<?xml version="1.0"?><!DOCTYPE w [<!ENTITY l0 "lol">${entities}]>`
}
