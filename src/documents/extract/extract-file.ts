/** Reads a file of any supported format into sections. Runs in a child process, because the input is untrusted. */
import { closeSync, openSync, readSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ParseFailure, parseFailures } from '../parse-failure.ts'
import { SectionFile, type SectionSink } from '../sections.ts'
import type { FileFormat } from '../supported-extensions.ts'
import { extractDoc } from './doc.ts'
import { extractDocx } from './docx.ts'
import { extractEpub } from './epub.ts'
import { extractHtml } from './html.ts'
import { extractJson } from './json.ts'
import { extractNotebook } from './notebook.ts'
import { extractOpendocument } from './opendocument.ts'
import { anyPages, extractPdf } from './pdf.ts'
import { extractPptx } from './pptx.ts'
import { extractRtf } from './rtf.ts'
import { extractSpreadsheet } from './spreadsheet.ts'
import { extractMarkdown, extractText } from './text.ts'
import { ZipArchive } from './zip-archive.ts'

export interface ExtractJob {
  kind: 'extract'
  /** Path of the file; its name does not matter. */
  input: string
  format: FileFormat
  /** Path of the file of sections to write. */
  output: string
  /** The maximum length of the document, in UTF-16 units. */
  maxCharacters: number
  /** The maximum number of bytes that all parts of a zip container inflate to. */
  inflateBytes: number
  /**
   * How to treat the pages of a PDF that have no text. `any`: any number of them is allowed. A path: a JSON file that
   * maps page numbers to their texts. Absent: a document with too few pages with text is refused.
   */
  pages?: string
}

export interface ExtractResult {
  sections: number
  characters: number
  /** The length of the text in UTF-8. */
  bytes: number
  /** At most ten sentences about parts that were not read. */
  warnings: string[]
  /** The numbers of a PDF's pages without text. */
  blankPages: number[]
}

type ZipReader = (zip: ZipArchive, sink: SectionSink) => Promise<void>
const zipReaders: Partial<Record<FileFormat, ZipReader>> = {
  docx: extractDocx,
  pptx: extractPptx,
  opendocument: extractOpendocument,
  epub: extractEpub,
}

type Reader = (path: string, sink: SectionSink, pages?: string) => Promise<void>
const readers: Partial<Record<FileFormat, Reader>> = {
  text: extractText,
  markdown: extractMarkdown,
  json: extractJson,
  notebook: extractNotebook,
  html: extractHtml,
  rtf: extractRtf,
  doc: extractDoc,
  pdf: extractPdf,
}

/** Throws `ParseFailure` for every error. */
export async function extractFile(job: ExtractJob): Promise<ExtractResult> {
  const sections = new SectionFile(job.output, job.maxCharacters)
  try {
    const { size } = await stat(job.input)
    if (size === 0) throw parseFailures.empty()
    await extractInto(job, sections)
  } catch (error) {
    throw asParseFailure(error)
  } finally {
    sections.close()
  }
  if (sections.visible === 0 && job.pages !== anyPages) throw parseFailures.empty()
  if (sections.undecoded + sections.unnamed > sections.visible / 2) throw parseFailures.unreadable()
  if (sections.undecoded > 0) sections.warn(`${sections.undecoded} characters could not be decoded`)
  const { characters, bytes, warnings, blankPages } = sections
  return { sections: sections.sections, characters, bytes, warnings, blankPages }
}

async function extractInto(job: ExtractJob, sink: SectionSink): Promise<void> {
  const readZip = zipReaders[job.format]
  if (readZip) {
    // An Office document with a password is not a zip: it is encrypted inside a compound file.
    if (isCompoundFile(job.input)) throw parseFailures.encrypted()
    const zip = await ZipArchive.open(job.input, job.inflateBytes)
    await readZip(zip, sink).finally(() => zip.close())
  } else if (job.format === 'spreadsheet') {
    await extractSpreadsheet(job.input, sink, job.inflateBytes)
  } else {
    await readers[job.format]?.(job.input, sink, job.pages)
  }
}

function isCompoundFile(path: string): boolean {
  const fd = openSync(path, 'r')
  try {
    const head = Buffer.alloc(4)
    return readSync(fd, head, 0, 4, 0) === 4 && head.readUInt32BE(0) === 0xd0cf11e0
  } finally {
    closeSync(fd)
  }
}

/** An error of a parser means that the file is damaged. An error of the disk does not. */
function asParseFailure(error: unknown): ParseFailure {
  if (error instanceof ParseFailure) return error
  if (error instanceof Error && 'syscall' in error) return parseFailures.internal(error)
  return parseFailures.damaged(error)
}
