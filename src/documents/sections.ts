/** The text of a file as it lies between extraction and chunking: one JSON line a section, in a file. */
import { createReadStream, closeSync, openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseFailures } from './parse-failure.ts'

/**
 * A piece of a document. The text of all sections, one after the other with nothing between them, is the document's
 * text; offsets of chunks count UTF-16 units in it.
 */
export interface Section {
  text: string
  /** Counts from 1. */
  page?: number
  /** Counts from 1. */
  slide?: number
  heading?: string
}

export type SectionPlace = Omit<Section, 'text'>

/** Where an extractor puts what it finds. Throws `ParseFailure` once the document is longer than it may be. */
export interface SectionSink {
  add(section: Section): void
}

const flushLength = 1 << 18

/** A sink that writes to a file; synchronous, since it lives in a child process that does nothing else. */
export class SectionFile implements SectionSink {
  characters = 0
  /** Of the text in UTF-8. */
  bytes = 0
  sections = 0
  /** Characters other than white space. */
  visible = 0
  readonly #fd: number
  readonly #maxCharacters: number
  #pending = ''

  constructor(path: string, maxCharacters: number) {
    this.#fd = openSync(path, 'w', 0o600)
    this.#maxCharacters = maxCharacters
  }

  add(section: Section): void {
    const text = cleanText(section.text)
    if (text === '') return
    this.characters += text.length
    if (this.characters > this.#maxCharacters) throw parseFailures.tooLarge()
    this.bytes += Buffer.byteLength(text)
    this.sections += 1
    if (/\S/.test(text)) this.visible += 1
    this.#pending += `${JSON.stringify({ ...section, text })}\n`
    if (this.#pending.length > flushLength) this.#flush()
  }

  close(): void {
    this.#flush()
    closeSync(this.#fd)
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending, 'utf8')
    this.#pending = ''
    // A write to a pipe or a nearly full disk may be short.
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
  }
}

/** PostgreSQL refuses NUL in a text, and half a surrogate pair cannot be encoded; both are lost or replaced here. */
function cleanText(text: string): string {
  return (
    text
      .replace(/\r\n?/g, '\n')
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000b\u000e-\u001f\u007f\ufeff]/g, '')
      .replace(/\p{Surrogate}/gu, '\ufffd')
  )
}

/** Reads the sections of a file that `SectionFile` wrote. */
export async function* readSections(path: string): AsyncIterable<Section> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  for await (const line of lines) if (line !== '') yield JSON.parse(line) as Section
}
