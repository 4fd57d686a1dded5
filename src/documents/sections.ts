/** The text of a file between reading and chunking: a temporary file with one JSON line for each section. */
import { createReadStream, closeSync, openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { storableText } from '../util/storable-text.ts'
import { parseFailures } from './parse-failure.ts'

/**
 * A piece of a document. The document's text is the joined text of all sections; offsets of chunks count UTF-16 units
 * in it.
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

/** Receives the sections from the reader of a format. */
export interface SectionSink {
  /** Throws `ParseFailure` when the document is longer than allowed. */
  add(section: Section): void
  /** Adds a sentence about a part of the document that was not read. */
  warn(warning: string): void
  /** The numbers of a PDF's pages without text. */
  readonly blankPages: number[]
}

const flushLength = 1 << 18
const maxWarnings = 10
const maxWarningLength = 200

/** A sink that writes to a file. Synchronous, because its child process does nothing else. */
export class SectionFile implements SectionSink {
  characters = 0
  /** The length of the text in UTF-8. */
  bytes = 0
  sections = 0
  /** Characters other than white space. */
  visible = 0
  /** Characters that replace bytes that could not be decoded. */
  undecoded = 0
  /** Characters of the private use area: glyphs of a font with an unknown meaning. */
  unnamed = 0
  readonly blankPages: number[] = []
  readonly #fd: number
  readonly #maxCharacters: number
  readonly #warnings = new Set<string>()
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
    this.visible += text.length - (text.match(/\s+/g)?.reduce((sum, blanks) => sum + blanks.length, 0) ?? 0)
    this.undecoded += text.match(/\ufffd/g)?.length ?? 0
    this.unnamed += text.match(/[\ue000-\uf8ff]/g)?.length ?? 0
    const heading = section.heading === undefined ? {} : { heading: cleanText(section.heading) }
    this.#pending += `${JSON.stringify({ ...section, ...heading, text })}\n`
    if (this.#pending.length > flushLength) this.#flush()
  }

  warn(warning: string): void {
    if (this.#warnings.size < maxWarnings) this.#warnings.add(warning.slice(0, maxWarningLength))
  }

  /** At most ten sentences about parts that were not read. */
  get warnings(): string[] {
    return [...this.#warnings]
  }

  close(): void {
    this.#flush()
    closeSync(this.#fd)
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending, 'utf8')
    this.#pending = ''
    // A single write may write only a part of the bytes.
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
  }
}

/** Text that a database can store, without control characters. */
function cleanText(text: string): string {
  return storableText(
    text
      .replace(/\r\n?/g, '\n')
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000b\u000e-\u001f\u007f\ufeff]/g, ''),
  )
}

/** Reads the sections of a file that `SectionFile` wrote. */
export async function* readSections(path: string): AsyncIterable<Section> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  for await (const line of lines) if (line !== '') yield JSON.parse(line) as Section
}
