/** The code in the arguments of a call, in the forms in which models send it. */
import { FieldReader } from './json-field.ts'

/** The tool declares `code`; models also use the other names. */
const fields = ['code', 'input', 'python', 'source']

/** Reads the code of one call while the model writes it. All pieces together are the code that runs. */
export class CodeReader {
  readonly #field = new FieldReader(fields)
  readonly #fence = new FenceRemover()
  #isBlank = true

  /** Returns the code that the fragment adds. */
  read(fragment: string): string {
    const code = this.#fence.read(this.#field.read(fragment))
    if (/\S/.test(code)) this.#isBlank = false
    return code
  }

  /** Why the complete arguments cannot be run, as a sentence for the model. */
  problem(): string | undefined {
    const problem = this.#field.problem()
    const advice = 'Send the whole cell again as {"code": "..."}, with quotation marks and line ends escaped.'
    if (problem === 'unfinished')
      return `Nothing was run: the arguments end in the middle of the code. ${advice}`
    if (problem === 'invalid') return `Nothing was run: the arguments are not valid JSON. ${advice}`
    if (!this.#isBlank) return undefined
    return 'Nothing was run: the arguments hold no code. Send {"code": "..."} with the Python code of the cell.'
  }
}

/** The code in complete arguments, and why it cannot be run. */
export function readCode(argumentsText: string): { code: string; problem: string | undefined } {
  const reader = new CodeReader()
  const code = reader.read(argumentsText)
  return { code, problem: reader.problem() }
}

/**
 * Removes the Markdown fence around a cell: ```python before it and ``` after it. Each character is read a few times at
 * most, so the time is linear in the length of the call.
 */
class FenceRemover {
  #state: 'start' | 'no fence' | 'opening line' | 'inside' = 'start'
  #held = ''

  read(text: string): string {
    if (this.#state === 'start') return this.#start(text)
    if (this.#state === 'opening line') return this.#openingLine(text)
    return this.#state === 'inside' ? this.#inside(text) : text
  }

  #start(text: string): string {
    this.#held += text
    if (text.trim() === '') return ''
    const begin = this.#held.trimStart()
    if (begin.startsWith('```')) {
      this.#held = ''
      this.#state = 'opening line'
      return this.#openingLine(begin)
    }
    if ('```'.startsWith(begin)) return ''
    this.#state = 'no fence'
    return this.#held
  }

  /** Removes the rest of the line, which names the language. */
  #openingLine(text: string): string {
    const end = text.indexOf('\n')
    if (end < 0) return ''
    this.#state = 'inside'
    return this.#inside(text.slice(end + 1))
  }

  /** Holds back white space and backticks at the end: they may be the closing fence. */
  #inside(text: string): string {
    let end = text.length
    while (end > 0 && ' \t\r\n`'.includes(text.charAt(end - 1))) end -= 1
    const before = this.#held
    if (end === 0) {
      this.#held += text
      return ''
    }
    this.#held = text.slice(end)
    return before + text.slice(0, end)
  }
}
