/** The values in a file: of a JSON document, of lines of JSON, of a table of comma-separated values. */
import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'
import { isObject } from '../util/is-object.ts'
import { parseJson } from '../util/parse-json.ts'
import { CsvReader, separatorOf } from './csv.ts'
import type { Fields } from './records.ts'
import type { SourceFile } from './sources.ts'

export interface LocatedValue {
  line: number
  /** Undefined for a line that is damaged; `tooLarge` for a document or a line that was not read. */
  value: unknown
}

export const tooLarge = Symbol('too large')

/** What the beginning of a file says about it. `other`: it holds no values. */
type Layout = 'document' | 'lines' | 'table' | 'other'

const headBytes = 256 * 1024
const pieceBytes = 1024 * 1024
/** A larger document or line does not fit into one string. Lines may be of any number. */
export const usualDocumentBytes = 400 * 1024 * 1024

/** Batches of values in the order of the file; undefined when the file does not look like values at all. */
export async function readValues(
  file: SourceFile,
  maxDocumentBytes: number,
): Promise<AsyncIterable<LocatedValue[]> | undefined> {
  const { layout, encoding } = await lookAt(file)
  if (layout === 'other') return undefined
  if (layout === 'document') return readDocument(file, encoding, maxDocumentBytes)
  const text = textOf(file, encoding)
  return layout === 'lines' ? readLines(text, maxDocumentBytes) : readTable(text)
}

/** PowerShell writes UTF-16 with a byte order mark. */
type Encoding = 'utf8' | 'utf16le'

async function lookAt(file: SourceFile): Promise<{ layout: Layout; encoding: Encoding }> {
  const handle = await open(file.path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    const encoding = buffer[0] === 0xff && buffer[1] === 0xfe ? 'utf16le' : 'utf8'
    const text = buffer.toString(encoding, 0, bytesRead).replace(/^\uFEFF/, '')
    const isWhole = bytesRead < headBytes
    const isLong = !isWhole && /^[{[][^\n]*$/.test(text.trimStart())
    return { layout: isLong ? await layoutOfLong(file, encoding) : layoutOfText(text, isWhole), encoding }
  } finally {
    await handle.close()
  }
}

/**
 * Of JSON whose first line goes on beyond the beginning of the file: a line that closes what it opens, and is followed
 * by more, is one of many; anything else is a document.
 */
async function layoutOfLong(file: SourceFile, encoding: Encoding): Promise<Layout> {
  let opening: string | undefined
  let closing = ''
  let isFirstLine = true
  for await (const text of textOf(file, encoding)) {
    opening ??= text.trimStart()[0]
    const end = isFirstLine ? text.indexOf('\n') : 0
    if (isFirstLine)
      closing =
        text
          .slice(0, end === -1 ? undefined : end)
          .trimEnd()
          .at(-1) ?? closing
    if (end === -1) continue
    isFirstLine = false
    if (closing !== (opening === '{' ? '}' : ']')) return 'document'
    if (text.slice(end).trim() !== '') return 'lines'
  }
  return 'document'
}

function layoutOfText(text: string, isWhole: boolean): Layout {
  const trimmed = text.trimStart()
  const all = trimmed.split('\n')
  const lines = (isWhole ? all : all.slice(0, -1)).map((line) => line.trim()).filter((line) => line !== '')
  const [first = '', second = ''] = lines
  if (trimmed.startsWith('{') || trimmed.startsWith('[')) {
    if (parseJson(first) !== undefined) return lines.length > 1 || !isWhole ? 'lines' : 'document'
    // The first line may be the damaged one.
    return first.startsWith('{') && second.startsWith('{') && parseJson(second) !== undefined
      ? 'lines'
      : 'document'
  }
  return isHeader(first) ? 'table' : 'other'
}

const columnNames = new Set([
  'role',
  'text',
  'content',
  'thread_id',
  'details',
  'sessionid',
  'conversationid',
])

function isHeader(line: string): boolean {
  const names = line.split(separatorOf(line)).map((name) => name.replaceAll('"', '').trim().toLowerCase())
  return names.length > 1 && names.some((name) => columnNames.has(name))
}

async function* readDocument(
  { path, bytes }: SourceFile,
  encoding: Encoding,
  maxBytes: number,
): AsyncGenerator<LocatedValue[]> {
  if (bytes > maxBytes) return yield [{ line: 1, value: tooLarge }]
  const text = await readFile(path, encoding)
  yield [{ line: 1, value: parseJson(text.replace(/^\uFEFF/, '')) }]
}

async function* readLines(text: AsyncIterable<string>, maxLength: number): AsyncGenerator<LocatedValue[]> {
  let pieces: string[] = []
  let length = 0
  let line = 0
  const add = (piece: string) => {
    length += piece.length
    if (length <= maxLength) pieces.push(piece)
  }
  const take = (): LocatedValue[] => {
    const whole = pieces.join('')
    const isTooLarge = length > maxLength
    pieces = []
    length = 0
    line += 1
    if (isTooLarge) return [{ line, value: tooLarge }]
    return whole.trim() === '' ? [] : [{ line, value: parseJson(whole) }]
  }
  for await (const piece of text) {
    const [first = '', ...others] = piece.split('\n')
    add(first)
    const values: LocatedValue[] = []
    for (const other of others) {
      values.push(...take())
      add(other)
    }
    yield values
  }
  yield take()
}

async function* readTable(text: AsyncIterable<string>): AsyncGenerator<LocatedValue[]> {
  const reader = new CsvReader()
  for await (const piece of text) yield reader.read(piece)
  yield reader.end()
}

async function* textOf({ path }: SourceFile, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new StringDecoder(encoding)
  let isFirst = true
  for await (const chunk of createReadStream(path, { highWaterMark: pieceBytes })) {
    const text = decoder.write(chunk as Buffer)
    yield isFirst ? text.replace(/^\uFEFF/, '') : text
    isFirst = false
  }
  yield decoder.end()
}

/** Dumps of MongoDB write ids and times as `{"$oid"}` and `{"$date"}`; this gives the plain values of an object. */
export function plainFields(value: unknown): Fields | undefined {
  if (!isObject(value)) return undefined
  for (const key in value) {
    const field = value[key]
    if (!isObject(field)) continue
    if ('$oid' in field) return { ...value, ...plainPairs(value) }
    if ('$date' in field) return { ...value, ...plainPairs(value) }
  }
  return value
}

function plainPairs(value: Fields): Fields {
  const pairs = Object.entries(value).map(([key, field]) => [key, plainField(field)])
  return Object.fromEntries(pairs) as Fields
}

function plainField(field: unknown): unknown {
  if (!isObject(field)) return field
  const date = field['$date']
  if (isObject(date) && '$numberLong' in date) return Number(date['$numberLong'])
  return field['$oid'] ?? date ?? field
}
