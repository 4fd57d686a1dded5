import { expect, test } from 'vitest'
import { extensionOf, formatOf, supportedExtensions } from './supported-extensions.ts'

const live =
  '.c .cpp .cs .css .doc .docx .go .html .java .js .json .md .pdf .php .pptx .py .rb .sh .tex .ts .txt'.split(
    ' ',
  )

test('every extension of the live list can be searched', () => {
  for (const extension of live) expect(supportedExtensions).toContain(extension)
})

test('pictures, archives, programs and files without an extension cannot be searched', () => {
  for (const name of ['a.png', 'a.jpg', 'a.gif', 'a.zip', 'a.exe', 'a.mp3', 'README', '.txt', 'pdf', 'a.']) {
    expect([name, formatOf(name)]).toEqual([name, undefined])
  }
})

test('the extension is the text after the last dot, in lower case, without regard to folders', () => {
  expect(extensionOf('Report.Final.PDF')).toBe('.pdf')
  expect(extensionOf('a.b/readme')).toBe('')
  expect(extensionOf('..\\x.TXT')).toBe('.txt')
  expect(formatOf('NOTES.Md')).toBe('markdown')
})
