/** Streams one XML part of a zip container through a SAX parser. */
import { TextDecoder } from 'node:util'
import { Parser } from 'htmlparser2'
import { parseFailures } from '../parse-failure.ts'
import { knownEncoding, xmlEncoding, type DeclaredEncoding } from './decode-text.ts'
import type { ZipArchive } from './zip-archive.ts'

export type XmlAttributes = Record<string, string>

export interface XmlVisitor {
  open?(name: string, attributes: XmlAttributes): void
  text?(text: string): void
  close?(name: string): void
}

/** Deeper parts are refused, because the time grows with the square of the depth. Real documents are far below. */
const maxDepth = 2000
/** More attributes of one element than any format has. */
const maxAttributes = 1000

/**
 * Calls the visitor with names that have the prefixes of `XmlNamespaces`. Does not expand entities that the document
 * declares: `&lol9;` is kept as text. Throws `ParseFailure`.
 */
export async function visitXml(zip: ZipArchive, part: string, visitor: XmlVisitor): Promise<void> {
  const namespaces = new XmlNamespaces()
  let attributes = 0
  const parser = new Parser(
    {
      onopentagname: () => {
        attributes = 0
        if (namespaces.depth >= maxDepth) throw parseFailures.tooDeep()
      },
      onattribute: () => {
        attributes += 1
        if (attributes > maxAttributes) throw parseFailures.tooDeep()
      },
      onopentag: (name, raw) => {
        const element = namespaces.open(name, raw)
        visitor.open?.(element.name, element.attributes)
      },
      ontext: (text) => visitor.text?.(text),
      onclosetag: (raw) => {
        const name = namespaces.close(raw)
        visitor.close?.(name)
      },
    },
    { xmlMode: true, decodeEntities: true },
  )
  for await (const text of decodePart(zip, part, xmlEncoding)) parser.write(text)
  parser.end()
}

/** The text of a part, decoded by its byte order mark, else its declared encoding, else UTF-8. */
export async function* decodePart(
  zip: ZipArchive,
  part: string,
  declared: DeclaredEncoding,
): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined
  for await (const bytes of zip.bytes(part)) {
    decoder ??= new TextDecoder(
      markedEncoding(bytes) ?? knownEncoding(declared(bytes.toString('latin1'))) ?? 'utf-8',
    )
    yield decoder.decode(bytes, { stream: true })
  }
  if (decoder) yield decoder.decode()
}

function markedEncoding(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return undefined
}

/** The relationships of an Office part: id -> attributes, with the full name of the target. */
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

const officeStrict = 'http://purl.oclc.org/ooxml'
const office = 'http://schemas.openxmlformats.org'
const openDocument = 'urn:oasis:names:tc:opendocument:xmlns'

/** Namespace -> our prefix. An empty prefix means that names have no prefix. */
const prefixes: ReadonlyMap<string, string> = new Map([
  [`${office}/wordprocessingml/2006/main`, 'w'],
  [`${officeStrict}/wordprocessingml/main`, 'w'],
  [`${office}/presentationml/2006/main`, 'p'],
  [`${officeStrict}/presentationml/main`, 'p'],
  [`${office}/drawingml/2006/main`, 'a'],
  [`${officeStrict}/drawingml/main`, 'a'],
  [`${office}/officeDocument/2006/relationships`, 'r'],
  [`${officeStrict}/officeDocument/relationships`, 'r'],
  [`${office}/officeDocument/2006/math`, 'm'],
  [`${officeStrict}/officeDocument/math`, 'm'],
  [`${office}/markup-compatibility/2006`, 'mc'],
  [`${office}/package/2006/relationships`, ''],
  [`${openDocument}:office:1.0`, 'office'],
  [`${openDocument}:text:1.0`, 'text'],
  [`${openDocument}:table:1.0`, 'table'],
  [`${openDocument}:drawing:1.0`, 'draw'],
  [`${openDocument}:style:1.0`, 'style'],
  [`${openDocument}:presentation:1.0`, 'presentation'],
  [`${openDocument}:svg-compatible:1.0`, 'svg'],
  [`${openDocument}:manifest:1.0`, 'manifest'],
  [`${openDocument}:container`, ''],
  ['http://www.idpf.org/2007/opf', ''],
])

type Scope = ReadonlyMap<string, string>

/**
 * Replaces the namespace prefixes of a document by those that our readers expect. Call `open` at every start tag and `close`
 * at every end tag.
 */
class XmlNamespaces {
  /** Declared prefix to namespace, for each open element. */
  readonly #scopes: Scope[] = [new Map()]
  readonly #names = new Map<string, string>()

  open(name: string, attributes: XmlAttributes): { name: string; attributes: XmlAttributes } {
    const outer = this.#scopes.at(-1) ?? new Map<string, string>()
    let scope = outer
    const renamed: XmlAttributes = {}
    for (const key in attributes) {
      if (key !== 'xmlns' && !key.startsWith('xmlns:')) continue
      scope = new Map(scope).set(key.slice(6), attributes[key] ?? '')
    }
    if (scope !== outer) this.#names.clear()
    this.#scopes.push(scope)
    for (const key in attributes) {
      // An attribute without a prefix has no namespace.
      renamed[key.includes(':') ? this.#rename(key, scope) : key] = attributes[key] ?? ''
    }
    return { name: this.#rename(name, scope), attributes: renamed }
  }

  close(name: string): string {
    const scope = this.#scopes.pop()
    const renamed = this.#rename(name, scope ?? new Map())
    if (scope !== this.#scopes.at(-1)) this.#names.clear()
    return renamed
  }

  get depth(): number {
    return this.#scopes.length - 1
  }

  /** Keeps a prefix that is not declared. */
  #rename(name: string, scope: Scope): string {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const colon = name.indexOf(':')
    const namespace = scope.get(colon < 0 ? '' : name.slice(0, colon))
    const prefix = namespace === undefined ? undefined : prefixes.get(namespace)
    const local = name.slice(colon + 1)
    let renamed = name
    if (prefix !== undefined) renamed = prefix === '' ? local : `${prefix}:${local}`
    // One of our prefixes must not match when the document declares it for another namespace.
    else if (namespace !== undefined && colon >= 0) renamed = `{${namespace}}${local}`
    this.#names.set(name, renamed)
    return renamed
  }
}
