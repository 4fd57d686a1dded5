/** Reads plain text, Markdown and source code as a stream, whatever its length. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { parseFailures } from '../parse-failure.ts'
import type { SectionSink } from '../sections.ts'

const pieceLength = 64 * 1024

export async function extractText(path: string, sink: SectionSink): Promise<void> {
  let rest = ''
  for await (const text of decoded(path)) {
    rest += text
    const cut = rest.lastIndexOf('\n') + 1
    // A file without a line break is passed on in pieces all the same.
    const length = cut > 0 ? cut : rest.length
    if (length < pieceLength) continue
    sink.add({ text: rest.slice(0, length) })
    rest = rest.slice(length)
  }
  sink.add({ text: rest })
}

/** As text, with a new section at every heading that is not inside a code fence. */
export async function extractMarkdown(path: string, sink: SectionSink): Promise<void> {
  const state = { lines: [] as string[], length: 0, heading: undefined as string | undefined, fence: '' }
  const flush = () => {
    const text = state.lines.join('')
    sink.add(state.heading === undefined ? { text } : { text, heading: state.heading })
    state.lines = []
    state.length = 0
  }
  const add = (line: string) => {
    const fence = /^ {0,3}(```+|~~~+)/.exec(line)?.[1]?.slice(0, 3) ?? ''
    if (fence !== '' && (state.fence === '' || state.fence === fence))
      state.fence = state.fence === '' ? fence : ''
    const heading = state.fence === '' ? /^ {0,3}#{1,6}\s+(.{1,200}?)\s*#*\s*$/.exec(line)?.[1] : undefined
    if (heading !== undefined || state.length > pieceLength) flush()
    if (heading !== undefined) state.heading = heading
    state.lines.push(line)
    state.length += line.length
  }
  let rest = ''
  for await (const text of decoded(path)) {
    rest += text
    const lines = rest.split(/(?<=\n)/)
    rest = rest.endsWith('\n') ? '' : (lines.pop() ?? '')
    if (rest.length > pieceLength) {
      lines.push(rest)
      rest = ''
    }
    for (const line of lines) add(line)
  }
  add(rest)
  flush()
}

/**
 * UTF-8, UTF-16 (with a mark, or known by its zero bytes), else Windows-1252. Throws `ParseFailure` for a file that
 * holds NUL characters: that is no text.
 */
async function* decoded(path: string): AsyncIterable<string> {
  const encoding = await encodingOf(path)
  const decoder = new TextDecoder(encoding)
  for await (const bytes of createReadStream(path)) {
    const text = decoder.decode(bytes as Buffer, { stream: true })
    if (text.includes('\0')) throw parseFailures.unsupported()
    yield text
  }
  yield decoder.decode()
}

async function encodingOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0)
    const wide = wideEncodingOf(buffer.subarray(0, bytesRead))
    if (wide) return wide
  } finally {
    await file.close()
  }
  return (await isUtf8(path)) ? 'utf-8' : 'windows-1252'
}

function wideEncodingOf(head: Uint8Array): string | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  let even = 0
  let odd = 0
  for (let at = 0; at + 1 < head.length; at += 2) {
    if (head[at] === 0) even += 1
    if (head[at + 1] === 0) odd += 1
  }
  // Latin letters in UTF-16 have a zero in every second byte, and only there.
  const many = head.length * 0.15
  if (odd > many && even === 0) return 'utf-16le'
  if (even > many && odd === 0) return 'utf-16be'
  return undefined
}

async function isUtf8(path: string): Promise<boolean> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const bytes of createReadStream(path)) decoder.decode(bytes as Buffer, { stream: true })
    decoder.decode()
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}
