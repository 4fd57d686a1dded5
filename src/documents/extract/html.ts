/** Reads web pages with a SAX parser: what is shown, with headings, lists, tables and line breaks kept. */
import { Parser } from 'htmlparser2'
import { open } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import type { SectionPlace, SectionSink } from '../sections.ts'
import { SectionFlow } from './section-flow.ts'

/** Not shown, or the same on every page of a site. */
const dropped = new Set([
  'script',
  'style',
  'nav',
  'noscript',
  'template',
  'svg',
  'iframe',
  'object',
  'select',
  'button',
])
const blocks = new Set(
  (
    'address article aside blockquote body dd details div dl dt fieldset figcaption figure footer form header hgroup ' +
    'hr main ol p pre section summary table tbody thead tfoot ul'
  ).split(' '),
)

/** A parser whose text goes into the flow; feed it strings, then call `end`. `place` is kept in every section. */
export function htmlParser(flow: SectionFlow, place: SectionPlace = {}): Parser {
  const state = { dropped: 0, pre: 0, cells: 0, heading: undefined as string | undefined, title: false }
  flow.place(place)
  const open = (name: string) => {
    if (dropped.has(name)) state.dropped += 1
    else if (name === 'title') state.title = true
    else if (/^h[1-6]$/.test(name)) state.heading = ''
    else if (name === 'br') flow.line()
    else if (name === 'li') {
      flow.line()
      flow.verbatim('- ')
    } else if (name === 'tr') {
      state.cells = 0
      flow.line()
    } else if (name === 'td' || name === 'th') {
      if (state.cells > 0) flow.cell()
      state.cells += 1
    } else if (blocks.has(name)) {
      flow.paragraph()
      if (name === 'pre') state.pre += 1
    }
  }
  const close = (name: string) => {
    if (dropped.has(name)) state.dropped = Math.max(0, state.dropped - 1)
    else if (name === 'title') {
      state.title = false
      flow.paragraph()
    } else if (/^h[1-6]$/.test(name)) endHeading(Number(name[1]))
    else if (name === 'li' || name === 'tr') flow.line()
    else if (blocks.has(name)) {
      flow.paragraph()
      if (name === 'pre') state.pre = Math.max(0, state.pre - 1)
    }
  }
  const endHeading = (level: number) => {
    const heading = state.heading?.replace(/\s+/g, ' ').trim()
    state.heading = undefined
    if (!heading) return
    flow.place({ ...place, heading: heading.slice(0, 200) })
    flow.verbatim(`${'#'.repeat(level)} ${heading}`)
    flow.paragraph()
  }
  const text = (data: string) => {
    if (state.dropped > 0) return
    if (state.heading !== undefined) state.heading += data
    else if (state.pre > 0) flow.verbatim(data)
    else flow.text(data)
  }
  return new Parser({ onopentagname: open, onclosetag: close, ontext: text }, { decodeEntities: true })
}

export async function extractHtml(path: string, sink: SectionSink): Promise<void> {
  const flow = new SectionFlow(sink)
  const parser = htmlParser(flow)
  const decoder = new TextDecoder(await encodingOf(path))
  for await (const bytes of createReadStream(path)) {
    parser.write(decoder.decode(bytes as Buffer, { stream: true }))
  }
  parser.end(decoder.decode())
  flow.end()
}

/** The byte order mark, else what the page itself says in its first kilobytes, else UTF-8. */
async function encodingOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0)
    const head = buffer.subarray(0, bytesRead)
    if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
    if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
    const named = /charset\s*=\s*["']?([\w-]+)/i.exec(head.toString('latin1'))?.[1]
    return named && isKnownEncoding(named) ? named : 'utf-8'
  } finally {
    await file.close()
  }
}

function isKnownEncoding(name: string): boolean {
  try {
    // A page that names UTF-16 in letters that we could read is not UTF-16.
    return !new TextDecoder(name).encoding.startsWith('utf-16')
  } catch {
    return false
  }
}
