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
  /** Undefined for a line that is damaged; `tooLarge` for a document that was not read. */
  value: unknown
}

export const tooLarge = Symbol('too large')

/** What the beginning of a file says about it. `other`: it holds no values. */
type Layout = 'document' | 'lines' | 'table' | 'other'

const headBytes = 256 * 1024
const pieceBytes = 1024 * 1024
/** A larger document does not fit into one string. Lines are read in pieces and may be of any number. */
export const usualDocumentBytes = 400 * 1024 * 1024

/** Batches of values in the order of the file; undefined when the file does not look like values at all. */
export async function readValues(
  file: SourceFile,
  maxDocumentBytes: number,
): Promise<AsyncIterable<LocatedValue[]> | undefined> {
  const layout = await layoutOf(file)
  if (layout === 'other') return undefined
  if (layout === 'lines') return readLines(file)
  return layout === 'table' ? readTable(file) : readDocument(file, maxDocumentBytes)
}

async function layoutOf({ path }: SourceFile): Promise<Layout> {
  const handle = await open(path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    const text = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '')
    return layoutOfText(text, bytesRead < headBytes)
  } finally {
    await handle.close()
  }
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
  maxDocumentBytes: number,
): AsyncGenerator<LocatedValue[]> {
  if (bytes > maxDocumentBytes) return yield [{ line: 1, value: tooLarge }]
  const text = await readFile(path, 'utf8')
  yield [{ line: 1, value: parseJson(text.replace(/^\uFEFF/, '')) }]
}

async function* readLines(file: SourceFile): AsyncGenerator<LocatedValue[]> {
  let rest = ''
  let line = 0
  for await (const piece of textOf(file)) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    const values: LocatedValue[] = []
    for (const text of lines) {
      line += 1
      if (text.trim() !== '') values.push({ line, value: parseJson(text) })
    }
    yield values
  }
  if (rest.trim() !== '') yield [{ line: line + 1, value: parseJson(rest) }]
}

async function* readTable(file: SourceFile): AsyncGenerator<LocatedValue[]> {
  const reader = new CsvReader()
  for await (const piece of textOf(file)) yield reader.read(piece)
  yield reader.end()
}

async function* textOf({ path }: SourceFile): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
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
