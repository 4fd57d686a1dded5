/** Reads one text field of a JSON object while a model writes it. */

type State =
  | 'start'
  /** After a quotation mark at the start of the text. */
  | 'quote'
  /** The text is not JSON: all of it is the value. */
  | 'bare'
  | 'key'
  | 'in key'
  | 'colon'
  | 'value'
  | 'in field'
  | 'in other'
  | 'in other string'
  | 'after value'
  | 'after object'
  | 'invalid'

const simpleEscapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }

/** Longer keys cannot be the key of a field that is read. */
const maxKey = 64

const isSpace = (letter: string) => letter === ' ' || letter === '\n' || letter === '\r' || letter === '\t'

/**
 * Reads, for one call, the first of the named fields whose text is not empty. It reads each character once. It accepts
 * common mistakes of models: the text without JSON, the text as a JSON string, line ends and backslashes that are not
 * escaped.
 */
export class FieldReader {
  readonly #names: ReadonlySet<string>
  #state: State = 'start'
  #key = ''
  #depth = 0
  /** The start of an escape sequence, or empty. */
  #escape = ''
  /** The first half of a surrogate pair whose second half has not arrived. */
  #half = ''
  #out = ''
  #isFound = false

  constructor(names: readonly string[]) {
    this.#names = new Set(names)
  }

  /** Returns the text that the fragment adds to the field, in whole characters. */
  read(fragment: string): string {
    this.#out = this.#half
    for (let at = 0; at < fragment.length; at += 1) this.#take(fragment.charAt(at))
    const last = this.#out.charCodeAt(this.#out.length - 1)
    this.#half = last >= 0xd800 && last < 0xdc00 ? this.#out.slice(-1) : ''
    return this.#half === '' ? this.#out : this.#out.slice(0, -1)
  }

  /** Why the text that was read is not complete, or undefined when it is. */
  problem(): 'invalid' | 'unfinished' | undefined {
    if (this.#state === 'invalid') return 'invalid'
    return this.#state === 'in field' ? 'unfinished' : undefined
  }

  #take(letter: string): void {
    if (this.#state === 'in field') this.#inField(letter)
    else if (this.#state === 'bare') this.#emit(letter)
    else if (this.#state === 'in key') this.#inKey(letter)
    else if (this.#state === 'in other string') this.#inOtherString(letter)
    else if (this.#state === 'quote') this.#afterQuote(letter)
    else if (!isSpace(letter)) this.#state = this.#next(letter)
  }

  /** The state after a character outside of strings. */
  #next(letter: string): State {
    switch (this.#state) {
      case 'start':
        if (letter === '{') return 'key'
        if (letter === '"') return 'quote'
        this.#emit(letter)
        return 'bare'
      case 'key':
        this.#key = ''
        return letter === '"' ? 'in key' : letter === '}' ? 'after object' : 'invalid'
      case 'colon':
        return letter === ':' ? 'value' : 'invalid'
      case 'value':
        return this.#beginValue(letter)
      case 'in other':
        return this.#inOther(letter)
      case 'after value':
        return letter === ',' ? 'key' : letter === '}' ? 'after object' : 'invalid'
      default:
        return 'invalid'
    }
  }

  #beginValue(letter: string): State {
    if (letter === '"' && this.#names.has(this.#key) && !this.#isFound) return 'in field'
    this.#depth = 0
    return this.#inOther(letter)
  }

  #inOther(letter: string): State {
    if (letter === '"') return 'in other string'
    if (letter === '{' || letter === '[') this.#depth += 1
    else if (letter === '}' || letter === ']') this.#depth -= 1
    if (this.#depth < 0) return 'after object'
    // A value without brackets ends at the comma.
    if (this.#depth === 0 && letter === ',') return 'key'
    return 'in other'
  }

  /** A JSON string, or Python code that starts with `""`. */
  #afterQuote(letter: string): void {
    if (letter === '"') {
      this.#emit('""')
      this.#state = 'bare'
      return
    }
    // Read it like the value of a field.
    this.#state = 'in field'
    this.#depth = -1
    this.#inField(letter)
  }

  #inKey(letter: string): void {
    if (letter === '"') this.#state = 'colon'
    else if (this.#key.length < maxKey) this.#key += letter
  }

  #inOtherString(letter: string): void {
    if (this.#escape !== '') this.#escape = ''
    else if (letter === '\\') this.#escape = letter
    else if (letter === '"') this.#state = 'in other'
  }

  #inField(letter: string): void {
    if (this.#escape !== '') this.#inEscape(letter)
    else if (letter === '\\') this.#escape = letter
    else if (letter === '"') this.#state = this.#depth < 0 ? 'after object' : 'after value'
    else this.#emit(letter)
  }

  #inEscape(letter: string): void {
    this.#escape += letter
    if (this.#escape.startsWith('\\u')) {
      if (this.#escape.length === 2) return
      if (!/^[\da-f]$/i.test(letter)) return this.#endEscape(this.#escape)
      if (this.#escape.length === 6) this.#endEscape(String.fromCharCode(parseInt(this.#escape.slice(2), 16)))
      return
    }
    // Keep a backslash that the model did not escape, such as `\d` in a regular expression.
    this.#endEscape(simpleEscapes[letter] ?? (/["\\/]/.test(letter) ? letter : this.#escape))
  }

  #endEscape(text: string): void {
    this.#emit(text)
    this.#escape = ''
  }

  #emit(text: string): void {
    this.#out += text
    this.#isFound = true
  }
}
