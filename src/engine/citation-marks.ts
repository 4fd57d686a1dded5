/** Finds marks, which are texts that point to files, in text that arrives in pieces. */
import type { Mark } from '../sql/run-steps.ts'

export interface MarkedPiece {
  text: string
  /** Set when the piece is a whole mark. */
  mark?: Mark
}

/**
 * A citation as models write it: with the numbers of a passage, and often with a name that differs. In Chinese and
 * Japanese text, digits and colon are often wide.
 */
const citation = /^【 ?([\d０-９]{1,9} ?[:：] ?[\d０-９]{1,9}) ?(?:†([^【】\n]{0,300}))?】/
const beginningOfCitation =
  /^【 ?(?:[\d０-９]{1,9} ?(?:[:：] ?(?:[\d０-９]{1,9} ?(?:†[^【】\n]{0,300})?)?)?)?$/

/** Lives for one text. Holds back text that can be the beginning of a mark, until more text decides it. */
export class MarkFinder {
  readonly #marks: Map<string, Mark>
  readonly #firstLetters: Set<string>
  /** By the numbers in the text of the mark. */
  readonly #citations = new Map<string, Mark>()
  /** The names in marks of citations, by the numbers, in `spellings`. */
  readonly #names = new Map<string, string[]>()
  #held = ''

  constructor(marks: readonly Mark[]) {
    this.#marks = new Map(marks.map((mark) => [mark.text, mark]))
    this.#firstLetters = new Set([...this.#marks.keys()].map((text) => text.charAt(0)))
    for (const mark of marks) {
      const [, numbers, name = ''] = citation.exec(mark.text) ?? []
      if (numbers === undefined) continue
      this.#citations.set(numbers, mark)
      this.#names.set(numbers, spellings(name))
    }
  }

  push(text: string): MarkedPiece[] {
    if (this.#marks.size === 0) return [{ text }]
    this.#held += text
    return this.#take(false)
  }

  /** The text has ended: the rest is no longer held back. */
  end(): MarkedPiece[] {
    return this.#take(true)
  }

  #take(hasEnded: boolean): MarkedPiece[] {
    const pieces: MarkedPiece[] = []
    let from = 0
    let at = 0
    for (; at < this.#held.length; at++) {
      if (!this.#firstLetters.has(this.#held.charAt(at))) continue
      if (!hasEnded && this.#mayGrow(at)) break
      const mark = this.#markAt(at)
      if (!mark) continue
      if (at > from) pieces.push({ text: this.#held.slice(from, at) })
      pieces.push({ text: mark.text, mark })
      from = at + mark.text.length
      at = from - 1
    }
    const plain = this.#held.slice(from, at)
    if (plain !== '') pieces.push({ text: plain })
    this.#held = this.#held.slice(at)
    return pieces
  }

  /** Whether the text from `at` on can be the beginning of a mark. */
  #mayGrow(at: number): boolean {
    const rest = this.#held.slice(at)
    if (this.#citations.size > 0 && beginningOfCitation.test(rest)) return true
    return [...this.#marks.keys()].some((text) => text.length > rest.length && text.startsWith(rest))
  }

  /** The longest mark at an index: the path of one file may be the beginning of another path. */
  #markAt(at: number): Mark | undefined {
    let longest: Mark | undefined
    for (const [text, mark] of this.#marks) {
      if (this.#held.startsWith(text, at) && text.length > (longest?.text.length ?? 0)) longest = mark
    }
    return longest ?? this.#citationAt(at)
  }

  /** The mark of the passage with these numbers. None where the name is that of another passage, which is ambiguous. */
  #citationAt(at: number): Mark | undefined {
    const [text, written = '', name = ''] = citation.exec(this.#held.slice(at)) ?? []
    const numbers = written.normalize('NFKC').replaceAll(' ', '')
    const mark = this.#citations.get(numbers)
    if (text === undefined || mark === undefined) return undefined
    return this.#isNameOfAnother(name, numbers) ? undefined : { ...mark, text }
  }

  /** A name with its extension is compared first, because two files may differ in the extension only. */
  #isNameOfAnother(name: string, numbers: string): boolean {
    const own = this.#names.get(numbers) ?? []
    for (const [at, written] of spellings(name).entries()) {
      if (own.includes(written)) return false
      if ([...this.#names.values()].some((names) => names[at] === written)) return true
    }
    return false
  }
}

/** Models change the case of a name and leave out its extension: the name with its extension, and without. */
function spellings(name: string): string[] {
  const full = name.normalize('NFKC').toLowerCase().trim()
  return [full, full.replace(/\.[a-z0-9]{1,5}$/, '').trim()]
}
