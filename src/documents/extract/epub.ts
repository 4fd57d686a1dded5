/** Reads e-books: the chapters in reading order. */
import type { SectionSink } from '../sections.ts'
import { parseFailures } from '../parse-failure.ts'
import { htmlEncoding } from './decode-text.ts'
import { htmlParser } from './html.ts'
import { SectionFlow } from './section-flow.ts'
import { decodePart, resolvePart, visitXml } from './xml.ts'
import type { ZipArchive } from './zip-archive.ts'

export async function extractEpub(zip: ZipArchive, sink: SectionSink): Promise<void> {
  let packagePart = ''
  await visitXml(zip, 'META-INF/container.xml', {
    open(name, attributes) {
      if (name === 'rootfile' && packagePart === '') packagePart = attributes['full-path'] ?? ''
    },
  })
  const flow = new SectionFlow(sink)
  for (const chapter of await spine(zip, packagePart)) {
    if (!zip.has(chapter)) continue
    const parser = htmlParser(flow, { isXml: true })
    for await (const text of decodePart(zip, chapter, htmlEncoding)) parser.write(text)
    parser.end()
  }
  flow.end()
}

async function spine(zip: ZipArchive, packagePart: string): Promise<string[]> {
  const folder = packagePart.slice(0, packagePart.lastIndexOf('/') + 1)
  const hrefs = new Map<string, string>()
  const order: string[] = []
  await visitXml(zip, packagePart, {
    open(name, attributes) {
      if (name === 'item') hrefs.set(attributes.id ?? '', attributes.href ?? '')
      if (name === 'itemref') order.push(attributes.idref ?? '')
    },
  })
  if (order.length === 0) throw parseFailures.damaged('no spine')
  return order.flatMap((id) => {
    const href = hrefs.get(id)
    return href === undefined ? [] : [resolvePart(folder, unescapePath(href))]
  })
}

function unescapePath(href: string): string {
  try {
    return decodeURIComponent(href)
  } catch {
    return href
  }
}
