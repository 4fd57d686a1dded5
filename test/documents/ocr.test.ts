/** Pictures and scanned pages, read by a program that the operator names. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ocrProgram } from '../harness/ocr-programs.ts'
import { pdf, pdfOf } from './make-files.ts'
import { documentReader } from './reader.ts'

const noText = 'invalid_file: The file could not be parsed because its pages have no text layer'

describe('with a program for OCR', () => {
  const reader = documentReader({}, ocrProgram('sed "s/page/Scanned words of page/" "$1"'))

  test('pages without text are read, between the pages that have text', async () => {
    const { found, warnings } = await reader.read(
      'mixed.pdf',
      pdf(['Printed one.', '', 'Printed three.', '']),
    )
    expect(found.map(({ page, text }) => [page, text.trim()])).toEqual([
      [1, 'Printed one.'],
      [2, 'Scanned words of page 2'],
      [3, 'Printed three.'],
      [4, 'Scanned words of page 4'],
    ])
    expect(warnings).toEqual(['2 of 4 pages were read by OCR: 2, 4'])
  })

  test('a document of scanned pages is read', async () => {
    const text = await reader.text('scan.pdf', pdf(['', '', '', '', '', '']))
    expect(text).toContain('Scanned words of page 6')
  })

  test.for(['photo.png', 'photo.JPG', 'photo.tiff'])('the picture %s is read', async (name) => {
    expect(await reader.text(name, 'a page of a book')).toContain('a Scanned words of page of a book')
  })

  test('a document with text on all pages is read as before', async () => {
    const { warnings } = await reader.read('text.pdf', pdf(['One.', 'Two.']))
    expect(warnings).toEqual([])
  })
})

describe('with a program that fails on some pages', () => {
  const script = 'if grep -q "page 2" "$1"; then echo "no letters" >&2; exit 3; fi; cat "$1"'
  const reader = documentReader({}, ocrProgram(script))

  test('the others are read, and the reason is a warning', async () => {
    const { text, warnings } = await reader.read('scan.pdf', pdf(['', '', '']))
    expect(text).toBe('page 1\n\npage 3\n\n')
    expect(warnings).toEqual([
      '1 of 3 pages have no text: 2',
      '2 of 3 pages were read by OCR: 1, 3',
      'OCR: ocr ended with 3: no letters',
    ])
  })

  test('a document without any page that can be read fails as before', async () => {
    expect(await reader.failure('scan.pdf', pdf(['Only this one has text.', '', '', '', '', '']))).toBe(
      'no failure',
    )
    expect(await reader.failure('page 2.png', 'page 2')).toBe(
      'invalid_file: The file could not be parsed because OCR failed on it.',
    )
  })
})

describe('a program', () => {
  const child = join(tmpdir(), `spool-ocr-child-${process.pid}`)
  const slow = documentReader({}, ocrProgram(`(sleep 600 & echo $! > ${child}; wait)`, 2000))
  test('that takes too long is ended with all processes that it has started', async () => {
    expect(await slow.failure('scan.pdf', pdf(['', '']))).toContain(noText)
    expect(existsSync(child)).toBe(true)
    const pid = readFileSync(child, 'utf8').trim()
    await expect.poll(() => isRunning(pid)).toBe(false)
  })

  const loud = documentReader({}, ocrProgram('yes'))
  test('that prints endlessly is ended', async () => {
    expect(await loud.failure('scan.png', 'x')).toContain('OCR failed on it')
  })

  const missing = documentReader({}, { command: ['no-such-program', '{input}'], path: '/nowhere' })
  test('that is not installed is named in a warning', async () => {
    const { warnings } = await missing.read('mixed.pdf', pdf(['Printed.', '']))
    expect(warnings.join()).toMatch(/1 of 2 pages have no text: 2,OCR: pdftoppm cannot be started: .*ENOENT/)
  })
})

/** A process that has ended, also one whose parent has not waited for it, is not running. */
function isRunning(pid: string): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).trim().startsWith('Z')
  } catch {
    return false
  }
}

const hasTesseract = ['tesseract', 'pdftoppm'].every((name) => existsSync(`/usr/bin/${name}`))

describe.skipIf(!hasTesseract)('with tesseract and poppler', () => {
  const command = ['tesseract', '{input}', 'stdout']
  const reader = documentReader({}, { command, path: '/usr/bin:/bin' })

  test('the text of a picture of a page is read', async () => {
    const folder = reader.folder()
    writeFileSync(join(folder, 'page.pdf'), pdf(['The harbour master keeps the keys of the lighthouse.']))
    execFileSync('/usr/bin/pdftoppm', ['-r', '150', '-png', '-singlefile', 'page.pdf', 'page'], {
      cwd: folder,
    })
    const { text, warnings } = await reader.read('page.png', readFileSync(join(folder, 'page.png')))
    expect(text).toContain('harbour master keeps the keys')
    expect(warnings).toEqual([])
  })

  test('a page that is only a picture is read', async () => {
    const folder = reader.folder()
    writeFileSync(join(folder, 'page.pdf'), pdf(['Ropes are counted every Friday.']))
    execFileSync('/usr/bin/pdftoppm', ['-r', '150', '-jpeg', '-singlefile', 'page.pdf', 'scan'], {
      cwd: folder,
    })
    const picture = readFileSync(join(folder, 'scan.jpg')).toString('latin1')
    const drawing = 'q 612 0 0 792 0 0 cm /I Do Q'
    const scan = pdfOf([
      '<< /Type /Catalog /Pages 2 0 R >>',
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>',
      `<< /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`,
      '<< /Type /XObject /Subtype /Image /Width 1275 /Height 1650 /ColorSpace /DeviceRGB /BitsPerComponent 8 ' +
        `/Filter /DCTDecode /Length ${picture.length} >>\nstream\n${picture}\nendstream`,
    ])
    const { text, warnings } = await reader.read('scan.pdf', scan)
    expect(text).toContain('Ropes are counted every Friday')
    expect(warnings).toEqual(['1 of 1 pages were read by OCR: 1'])
  })
})
