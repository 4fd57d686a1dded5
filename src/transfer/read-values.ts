/** Reads the values in a file: a JSON document, lines of JSON, or a table of comma-separated values. */
import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { decodeBytes } from '../documents/index.ts'
import { parseJson } from '../util/parse-json.ts'
import { CsvReader, separatorOf } from './csv.ts'
import { encodingOf, firstEncoding, type Encoding } from './encoding.ts'
import type { SourceFile } from './sources.ts'

export interface LocatedValue {
  line: number
  /**
   * Undefined for a damaged line; `tooLarge` for a document or a line that was skipped; `undecoded` once for a file with
   * bytes that are invalid in its encoding.
   */
  value: unknown
}

export const tooLarge = Symbol('too large')
export const undecoded = Symbol('undecoded')

/** The layout of a file, by its beginning. `other`: it has no values. */
type Layout = 'document' | 'lines' | 'table' | 'other'

const headBytes = 256 * 1024
const pieceBytes = 1024 * 1024
/** The limit of a document and of a line: a larger one does not fit into a string. The number of lines has no limit. */
export const usualDocumentBytes = 400 * 1024 * 1024

/** Batches of values in the order of the file; undefined for a file without values. */
export async function readValues(
  file: SourceFile,
  maxDocumentBytes: number,
): Promise<AsyncIterable<LocatedValue[]> | undefined> {
  const { layout, encoding } = (await lookAt(file)) ?? {}
  if (!layout || !encoding || layout === 'other') return undefined
  const values =
    layout === 'document'
      ? readDocument(file, encoding, maxDocumentBytes)
      : layout === 'lines'
        ? readLines(textOf(file, encoding), maxDocumentBytes)
        : readTable(textOf(file, encoding))
  return encoding.isExact ? values : withFault(values)
}

async function* withFault(values: AsyncIterable<LocatedValue[]>): AsyncGenerator<LocatedValue[]> {
  yield [{ line: 1, value: undecoded }]
  yield* values
}

async function lookAt(file: SourceFile): Promise<{ layout: Layout; encoding: Encoding } | undefined> {
  const head = await readHead(file)
  const isWhole = head.length < headBytes
  const first = firstEncoding(head)
  if (layoutOfText(decode(head, first), isWhole) === 'other') return undefined
  const encoding = await encodingOf(file.path, first)
  const text = decode(head, encoding.label)
  const isLong = !isWhole && /^[{[][^\n]*$/.test(text.trimStart())
  return { layout: isLong ? await layoutOfLong(file, encoding) : layoutOfText(text, isWhole), encoding }
}

async function readHead({ path }: SourceFile): Promise<Buffer> {
  const handle = await open(path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

function decode(bytes: Buffer, label: string): string {
  return decodeBytes(new TextDecoder(label), bytes)
}

/**
 * The layout of JSON whose first line is longer than the beginning that was read. When the first line is a complete
 * value and another line follows, the file has lines; otherwise it is a document.
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
    // The first line may be damaged, so the second one decides.
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
  yield [{ line: 1, value: parseJson(decode(await readFile(path), encoding.label)) }]
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

async function* textOf({ path }: SourceFile, { label }: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(label)
  for await (const chunk of createReadStream(path, { highWaterMark: pieceBytes })) {
    yield decoder.decode(chunk as Buffer, { stream: true })
  }
  yield decoder.decode()
}
