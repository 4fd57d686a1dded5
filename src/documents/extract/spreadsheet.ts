/** Reads workbooks (xlsx, xls, ods): each sheet is a section, each row a line of cells as they are shown. */
import { readFile } from 'node:fs/promises'
import { read, type CellObject, type WorkBook } from '@e965/xlsx'
import { ParseFailure, parseFailures } from '../parse-failure.ts'
import type { SectionSink } from '../sections.ts'
import { refuseEncrypted } from './opendocument.ts'
import { singleLine } from './section-flow.ts'
import { ZipArchive } from './zip-archive.ts'

export async function extractSpreadsheet(
  path: string,
  sink: SectionSink,
  inflateBytes: number,
): Promise<void> {
  const bytes = await readFile(path)
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) await checkZip(path, inflateBytes)
  else if (!isOldBinary(bytes)) throw parseFailures.damaged('neither a zip nor a compound file')
  for (const [name, sheet] of Object.entries(readWorkbook(bytes).Sheets)) {
    const filled: string[] = []
    // A sheet may have one cell in its millionth row, so `forEach` must skip empty rows.
    sheet['!data']?.forEach((row: (CellObject | undefined)[]) => {
      const cells = Array.from(row, shown)
      while (cells.at(-1) === '') cells.pop()
      const line = cells.join(' | ').replace(/^( \| ){4,}/, '')
      if (line !== '') filled.push(line)
    })
    if (filled.length > 0) sink.add({ text: `# ${name}\n${filled.join('\n')}\n\n`, heading: name })
  }
}

/** The library inflates without a limit, so the size is checked first. */
async function checkZip(path: string, inflateBytes: number): Promise<void> {
  const zip = await ZipArchive.open(path, inflateBytes)
  try {
    await zip.checkBudget()
    await refuseEncrypted(zip)
  } finally {
    zip.close()
  }
}

function readWorkbook(bytes: Buffer): WorkBook {
  try {
    return read(bytes, {
      dense: true,
      cellDates: true,
      cellHTML: false,
      cellFormula: false,
      cellNF: true,
      UTC: true,
    })
  } catch (error) {
    if (error instanceof ParseFailure) throw error
    if (/password|encrypt/i.test(String(error))) throw parseFailures.encrypted()
    throw parseFailures.damaged(error)
  }
}

/**
 * The displayed text of the cell, with two exceptions: dates have the same form for every country, and numbers that
 * were shortened only to fit a column have all their digits.
 */
function shown(cell: CellObject | undefined): string {
  if (!cell) return ''
  // Times of day have a date in 1899 or 1900.
  if (cell.v instanceof Date && cell.v.getUTCFullYear() > 1900) {
    // Workbooks store times as fractions of a day: 08:05 may become 08:04:59.999.
    return new Date(Math.round(cell.v.getTime() / 1000) * 1000)
      .toISOString()
      .replace('T', ' ')
      .replace(/( 00:00)?:\d\d\.\d+Z$/, '')
  }
  if (typeof cell.v === 'number' && isShortened(cell)) return wholeNumber(cell.v)
  return singleLine(String(cell.w ?? cell.v ?? ''))
}

/** Whether digits are hidden: "General" rounds to the width of a column, other formats show an exponent or `####`. */
function isShortened({ z, w }: CellObject): boolean {
  if (z === undefined || z === 'General' || w === undefined) return true
  return /^[-+]?\d+(\.\d+)?E[-+]?\d+$/i.test(w.trim()) || /^#+$/.test(w.trim())
}

/** Workbooks keep 15 digits; more digits would show binary rounding. */
function wholeNumber(value: number): string {
  const text = String(Number(value.toPrecision(15)))
  const parts = /^(-?)(\d)(?:\.(\d+))?e\+(\d+)$/.exec(text)
  if (!parts) return text
  const [, sign = '', first = '', fraction = '', exponent = ''] = parts
  return sign + first + fraction.padEnd(Number(exponent), '0')
}

function isOldBinary(bytes: Buffer): boolean {
  return bytes.readUInt32BE(0) === 0xd0cf11e0 || (bytes[0] === 0x09 && (bytes[1] ?? 255) <= 8)
}
