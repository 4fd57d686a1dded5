/** Reads PDF files: the text layer and the values of form fields, one section for each page. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { getDocumentProxy } from 'unpdf'
import { ParseFailure, parseFailures } from '../parse-failure.ts'
import type { SectionSink } from '../sections.ts'
import { singleLine } from './section-flow.ts'
import { ZipArchive } from './zip-archive.ts'

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>
type PdfPage = Awaited<ReturnType<PdfDocument['getPage']>>

/** From this share of pages without text on, a document with more than a few pages counts as scanned. */
const mostBlank = 0.8
const fewPages = 4

/** The value of `pages` that allows any number of pages without text. */
export const anyPages = 'any'

/** `pages`: see `ExtractJob.pages`. */
export async function extractPdf(path: string, sink: SectionSink, pages?: string): Promise<void> {
  const known = pages === undefined || pages === anyPages ? {} : await readTexts(pages)
  const document = await openPdf(path)
  const [blankPages, knownPages]: [number[], number[]] = [[], []]
  for (let number = 1; number <= document.numPages; number += 1) {
    const page = await document.getPage(number)
    const text = [await textLayer(page), await formValues(page)].filter((part) => part !== '').join('\n\n')
    page.cleanup()
    const found = text === '' ? (known[number]?.trim() ?? '') : text
    if (found === '') blankPages.push(number)
    else sink.add({ text: `${found}\n\n`, page: number })
    if (text === '' && found !== '') knownPages.push(number)
  }
  sink.blankPages.push(...blankPages)
  if (pages === anyPages && blankPages.length > 0) return
  const isScanned = document.numPages > fewPages && blankPages.length > document.numPages * mostBlank
  if (isScanned || blankPages.length === document.numPages) throw parseFailures.noTextLayer()
  const all = document.numPages
  if (blankPages.length > 0)
    sink.warn(`${blankPages.length} of ${all} pages have no text: ${pageList(blankPages)}`)
  if (knownPages.length > 0)
    sink.warn(`${knownPages.length} of ${all} pages were read by OCR: ${pageList(knownPages)}`)
}

async function readTexts(path: string): Promise<Record<number, string>> {
  return JSON.parse(await readFile(path, 'utf8')) as Record<number, string>
}

function pageList(pages: number[]): string {
  return pages.length > 20 ? `${pages.slice(0, 20).join(', ')} …` : pages.join(', ')
}

async function textLayer(page: PdfPage): Promise<string> {
  const { items } = await page.getTextContent()
  return items
    .map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : ''))
    .join('')
    .replace(/[ \t]+\n/g, '\n')
    .trim()
}

/** The used fields of an annotation of pdf.js. */
interface PdfAnnotation {
  subtype?: string
  hidden?: boolean
  fieldType?: string
  fieldName?: string
  alternativeText?: string
  fieldValue?: unknown
  password?: boolean
  checkBox?: boolean
  radioButton?: boolean
  buttonValue?: string
  exportValue?: string
  contentsObj?: { str?: string }
}

/** Values of form fields and text that was typed onto the page, one line each. They are not in the text layer. */
async function formValues(page: PdfPage): Promise<string> {
  const annotations = (await page.getAnnotations()) as PdfAnnotation[]
  return annotations
    .filter((one) => one.hidden !== true && one.password !== true)
    .map((one) => {
      if (one.subtype === 'FreeText') return (one.contentsObj?.str ?? '').trim()
      const value = fieldText(one)
      const name = singleLine(one.alternativeText || (one.fieldName ?? ''))
      return value === '' || name === '' ? value : `${name}: ${value}`
    })
    .filter((line) => line !== '')
    .join('\n')
}

function fieldText(field: PdfAnnotation): string {
  const { fieldType, fieldValue } = field
  if (fieldType === 'Tx' || fieldType === 'Ch') {
    const values = Array.isArray(fieldValue) ? fieldValue : [fieldValue]
    return values
      .filter((value) => typeof value === 'string')
      .join(', ')
      .trim()
  }
  if (fieldType !== 'Btn' || typeof fieldValue !== 'string' || fieldValue === '' || fieldValue === 'Off')
    return ''
  if (field.checkBox === true) return fieldValue === field.exportValue ? fieldValue : ''
  return field.radioButton === true && fieldValue === field.buttonValue ? fieldValue : ''
}

async function openPdf(path: string): Promise<PdfDocument> {
  const bytes = new Uint8Array(await readFile(path))
  try {
    return await getDocumentProxy(bytes, {
      isEvalSupported: false,
      verbosity: 0,
      useWorkerFetch: false,
      cMapUrl: 'pdf-cmaps/',
      cMapPacked: true,
      BinaryDataFactory: CmapReader,
    })
  } catch (error) {
    if (error instanceof ParseFailure) throw error
    if (error instanceof Error && error.name === 'PasswordException') throw parseFailures.encrypted()
    throw parseFailures.damaged(error)
  }
}

/** Gives pdf.js the character maps that PDF predefines for Chinese, Japanese and Korean fonts. */
class CmapReader {
  async fetch({ kind, filename }: { kind: string; filename: string }): Promise<Uint8Array> {
    if (kind !== 'cMapUrl') throw new Error(`no data of kind ${kind}`)
    const archive = await ZipArchive.open(fileURLToPath(new URL('./pdf-cmaps.zip', import.meta.url)), 1 << 20)
    try {
      const parts: Buffer[] = []
      for await (const bytes of archive.bytes(filename)) parts.push(bytes)
      return new Uint8Array(Buffer.concat(parts))
    } finally {
      archive.close()
    }
  }
}
