/** One text field of a JSON object that a model is still writing. */

/** The longest run of whole characters and escapes; a half of a pair waits for the other. */
const wholeLiteral =
  /^(?:[^"\\]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\[^u])*/s

/**
 * Lives for one call. Reads the field as it is written, each piece once. Models that write the bare text in place of
 * an object are understood too.
 */
export class FieldReader {
  readonly #opening: RegExp
  #state: 'before' | 'inside' | 'bare' | 'after' = 'before'
  #rest = ''

  constructor(field: string) {
    this.#opening = new RegExp(`"${field}"\\s*:\\s*"`)
  }

  /** What the fragment adds to the field's text. */
  read(fragment: string): string {
    this.#rest += fragment
    if (this.#state === 'before') this.#begin()
    if (this.#state === 'bare') return this.#take(this.#rest.length)
    if (this.#state !== 'inside') return ''
    const [literal = ''] = wholeLiteral.exec(this.#rest) ?? []
    const isOver = this.#rest.charAt(literal.length) === '"'
    const text = unescape(this.#take(literal.length))
    if (isOver) this.#state = 'after'
    return text
  }

  #begin(): void {
    const start = this.#rest.trimStart()
    if (start === '') return
    if (!start.startsWith('{')) {
      this.#state = 'bare'
      return
    }
    const opening = this.#opening.exec(this.#rest)
    if (!opening) return
    this.#state = 'inside'
    this.#rest = this.#rest.slice(opening.index + opening[0].length)
  }

  #take(length: number): string {
    const taken = this.#rest.slice(0, length)
    this.#rest = this.#rest.slice(length)
    return taken
  }
}

/** Models write line ends into strings that JSON wants escaped. */
function unescape(literal: string): string {
  try {
    const escaped = literal.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')
    return JSON.parse(`"${escaped}"`) as string
  } catch {
    return literal
  }
}

/** The field of an object that is complete, or the whole text where it is no such object. */
export function wholeField(json: string, field: string): string {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'string') return value
    const found = (value as Record<string, unknown> | null)?.[field]
    return typeof found === 'string' ? found : ''
  } catch {
    return new FieldReader(field).read(json)
  }
}
