/** One text field of a JSON object that a model is still writing. */

type State =
  | 'start'
  /** Behind a quotation mark at the very beginning. */
  | 'quote'
  /** No JSON: the whole text is the value. */
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

/** Longer keys are no key that anybody asks for. */
const maxKey = 64

const isSpace = (letter: string) => letter === ' ' || letter === '\n' || letter === '\r' || letter === '\t'

/**
 * Lives for one call. Reads the first of the named fields whose text is not empty, and looks at each character once.
 * Understands what models write instead of a correct object: the bare text, the text as a JSON string, line ends and
 * backslashes that are not escaped.
 */
export class FieldReader {
  readonly #names: ReadonlySet<string>
  #state: State = 'start'
  #key = ''
  #depth = 0
  /** The beginning of an escape sequence, or empty. */
  #escape = ''
  /** The first half of a character, which waits for its second half. */
  #half = ''
  #out = ''
  #isFound = false

  constructor(names: readonly string[]) {
    this.#names = new Set(names)
  }

  /** What the fragment adds to the field's text, in whole characters. */
  read(fragment: string): string {
    this.#out = this.#half
    for (let at = 0; at < fragment.length; at += 1) this.#take(fragment.charAt(at))
    const last = this.#out.charCodeAt(this.#out.length - 1)
    this.#half = last >= 0xd800 && last < 0xdc00 ? this.#out.slice(-1) : ''
    return this.#half === '' ? this.#out : this.#out.slice(0, -1)
  }

  /** What is wrong with the text read so far if nothing follows, or undefined. */
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

  /** The state after a character that stands outside of strings. */
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

  /** A JSON string, or bare Python that begins with `""`. */
  #afterQuote(letter: string): void {
    if (letter === '"') {
      this.#emit('""')
      this.#state = 'bare'
      return
    }
    // As if it were the value of a field, without an object around it.
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
    // A backslash that the model forgot to escape stays: `\d` of a regular expression.
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
