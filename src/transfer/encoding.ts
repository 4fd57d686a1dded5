/** Finds the character encoding of a source file, by the rules in documents/. */
import { createReadStream } from 'node:fs'
import { encodingOfFile, ParseFailure, wideEncodingOf } from '../documents/index.ts'

export interface Encoding {
  /** The label of `TextDecoder`. */
  label: string
  /** Whether all bytes of the file are valid. Invalid ones become U+FFFD. */
  isExact: boolean
}

/**
 * The encoding that the first bytes of a file suggest, to see whether the file has values. JSON and tables begin with
 * two ASCII characters, which show UTF-16 even when most of the text is Chinese.
 */
export function firstEncoding(head: Buffer): string {
  const [first, second, third, fourth] = head
  if (first && second === 0 && third && fourth === 0) return 'utf-16le'
  if (first === 0 && second && third === 0 && fourth) return 'utf-16be'
  return wideEncodingOf(head) ?? 'utf-8'
}

/** Reads the whole file. `first`: its `firstEncoding`. */
export async function encodingOf(path: string, first: string): Promise<Encoding> {
  if (await isExact(path, first)) return { label: first, isExact: true }
  if (first !== 'utf-8') return { label: first, isExact: false }
  try {
    const label = await encodingOfFile(path)
    return { label, isExact: label !== 'utf-8' && (await isExact(path, label)) }
  } catch (error) {
    if (error instanceof ParseFailure) return { label: 'utf-8', isExact: false }
    throw error
  }
}

async function isExact(path: string, label: string): Promise<boolean> {
  const decoder = new TextDecoder(label, { fatal: true })
  try {
    for await (const bytes of createReadStream(path)) decoder.decode(bytes as Buffer, { stream: true })
    decoder.decode()
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}
