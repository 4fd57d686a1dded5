/** Reads files as ingest does, in child processes, and shows what was found. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { ExtractResult } from '../../src/documents/extract/extract-file.ts'
import { readDocument } from '../../src/documents/ocr.ts'
import {
  defaultParseLimits,
  ParseProcesses,
  type OcrSettings,
  type ParseLimits,
} from '../../src/documents/parse-processes.ts'
import { readSections, type Section } from '../../src/documents/sections.ts'
import { formatOf } from '../../src/documents/supported-extensions.ts'

export interface DocumentReader {
  /** The folder of the files in work; there from the first test on. */
  folder: () => string
  read(
    filename: string,
    content: string | Uint8Array,
  ): Promise<ExtractResult & { found: Section[]; text: string }>
  sections(filename: string, content: string | Uint8Array): Promise<Section[]>
  text(filename: string, content: string | Uint8Array): Promise<string>
  /** `code: message` of the failure. */
  failure(filename: string, content: string | Uint8Array): Promise<string>
  parsers: ParseProcesses
}

const defaults: ParseLimits = { ...defaultParseLimits, processes: 1, idleMs: 60_000 }

/** Call it once in a test file, outside of tests. */
export function documentReader(limits: Partial<ParseLimits> = {}, ocr?: OcrSettings): DocumentReader {
  let folder = ''
  const parsers = new ParseProcesses({ ...defaults, ...limits }, ocr)
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spool-extract-'))
  })
  afterAll(async () => {
    await parsers.close()
    await rm(folder, { recursive: true })
  })
  const read: DocumentReader['read'] = async (filename, content) => {
    const format = formatOf(filename, ocr !== undefined)
    if (!format) throw new Error(`no reader for ${filename}`)
    const [input, output] = [join(folder, 'input'), join(folder, 'sections')]
    await writeFile(input, content)
    const result = await readDocument(
      parsers,
      { kind: 'extract', input, output, format, maxCharacters: 64_000_000, inflateBytes: 20 << 20 },
      new AbortController().signal,
    )
    const found: Section[] = []
    for await (const section of readSections(output)) found.push(section)
    return { ...result, found, text: found.map(({ text }) => text).join('') }
  }
  return {
    folder: () => folder,
    parsers,
    read,
    sections: async (filename, content) => (await read(filename, content)).found,
    text: async (filename, content) => (await read(filename, content)).text,
    failure: (filename, content) =>
      read(filename, content).then(
        () => 'no failure',
        (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
      ),
  }
}
