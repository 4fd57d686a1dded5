/** Replaces the namespace prefixes of a document by those that our readers expect. */

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

/** Call `open` at every start tag and `close` at every end tag. */
export class XmlNamespaces {
  /** Declared prefix to namespace, for each open element. */
  readonly #scopes: Scope[] = [new Map()]
  readonly #names = new Map<string, string>()

  open(
    name: string,
    attributes: Record<string, string>,
  ): { name: string; attributes: Record<string, string> } {
    const outer = this.#scopes.at(-1) ?? new Map<string, string>()
    let scope = outer
    const renamed: Record<string, string> = {}
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
