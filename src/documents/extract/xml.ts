/** Streams one XML part of a zip container through a SAX parser. */
import { TextDecoder } from 'node:util'
import { Parser } from 'htmlparser2'
import type { ZipArchive } from './zip-archive.ts'

export type XmlAttributes = Record<string, string>

export interface XmlVisitor {
  open?(name: string, attributes: XmlAttributes): void
  text?(text: string): void
  close?(name: string): void
}

/** Entities that a document declares itself are not expanded: `&lol9;` stays as it is written. */
export async function visitXml(zip: ZipArchive, part: string, visitor: XmlVisitor): Promise<void> {
  const parser = new Parser(
    {
      onopentag: (name, attributes) => visitor.open?.(name, attributes),
      ontext: (text) => visitor.text?.(text),
      onclosetag: (name) => visitor.close?.(name),
    },
    { xmlMode: true, decodeEntities: true },
  )
  let decoder: TextDecoder | undefined
  for await (const bytes of zip.bytes(part)) {
    decoder ??= new TextDecoder(encodingOf(bytes))
    parser.write(decoder.decode(bytes, { stream: true }))
  }
  parser.end(decoder?.decode())
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return 'utf-8'
}

/** The relationships of an Office part: id to the full name of the target. */
export async function relationships(zip: ZipArchive, part: string): Promise<Map<string, XmlAttributes>> {
  const slash = part.lastIndexOf('/') + 1
  const folder = part.slice(0, slash)
  const name = `${folder}_rels/${part.slice(slash)}.rels`
  const found = new Map<string, XmlAttributes>()
  if (!zip.has(name)) return found
  await visitXml(zip, name, {
    open(tag, attributes) {
      if (tag !== 'Relationship' || attributes.TargetMode === 'External') return
      found.set(attributes.Id ?? '', { ...attributes, Target: resolvePart(folder, attributes.Target ?? '') })
    },
  })
  return found
}

/** `../slides/slide1.xml` seen from `ppt/notes/` is `ppt/slides/slide1.xml`. */
export function resolvePart(folder: string, target: string): string {
  const path = target.startsWith('/') ? target : `/${folder}${target}`
  const kept: string[] = []
  for (const step of path.split('/')) {
    if (step === '..') kept.pop()
    else if (step !== '' && step !== '.') kept.push(step)
  }
  return kept.join('/')
}
