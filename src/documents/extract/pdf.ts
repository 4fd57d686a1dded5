/** Reads PDF files: the text layer, a section a page. */
import { readFile } from 'node:fs/promises'
import { getDocumentProxy } from 'unpdf'
import { ParseFailure, parseFailures } from '../parse-failure.ts'
import type { SectionSink } from '../sections.ts'

export async function extractPdf(path: string, sink: SectionSink): Promise<void> {
  const document = await openPdf(path)
  let hasText = false
  for (let page = 1; page <= document.numPages; page += 1) {
    const content = await document.getPage(page)
    const { items } = await content.getTextContent()
    const text = items
      .map((one) => ('str' in one ? one.str + (one.hasEOL ? '\n' : '') : ''))
      .join('')
      .replace(/[ \t]+\n/g, '\n')
      .trim()
    content.cleanup()
    if (text === '') continue
    hasText = true
    sink.add({ text: `${text}\n\n`, page })
  }
  if (!hasText) throw parseFailures.noTextLayer()
}

async function openPdf(path: string) {
  const bytes = new Uint8Array(await readFile(path))
  try {
    return await getDocumentProxy(bytes, { isEvalSupported: false, verbosity: 0 })
  } catch (error) {
    if (error instanceof ParseFailure) throw error
    if (error instanceof Error && error.name === 'PasswordException') throw parseFailures.encrypted()
    throw parseFailures.damaged(error)
  }
}
