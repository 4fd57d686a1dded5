/** Reads the binary documents of Word 97 to 2003. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { parseFailures } from '../parse-failure.ts'
import type { SectionSink } from '../sections.ts'

/** The used part of word-extractor, which has no types. */
interface WordExtractor {
  extract(file: Buffer): Promise<{
    getBody(): string
    getFootnotes(): string
    getEndnotes(): string
    getHeaders(options: { includeFooters: boolean }): string
  }>
}

export async function extractDoc(path: string, sink: SectionSink): Promise<void> {
  const bytes = await readFile(path)
  if (bytes.length < 512 || bytes.readUInt32BE(0) !== 0xd0cf11e0)
    throw parseFailures.damaged('not a compound file')
  const require = createRequire(import.meta.url)
  const Extractor = require('word-extractor') as new () => WordExtractor
  const document = await new Extractor().extract(bytes).catch((error: unknown) => {
    throw /encrypt|password/i.test(String(error)) ? parseFailures.encrypted() : parseFailures.damaged(error)
  })
  const parts = [
    document.getBody(),
    document.getFootnotes(),
    document.getEndnotes(),
    document.getHeaders({ includeFooters: true }),
  ]
  for (const part of parts) if (part.trim() !== '') sink.add({ text: `${part.trim()}\n\n` })
}
