/** Finds, in text that comes in pieces, the texts that point to files. */
import type { Mark } from '../sql/run-steps.ts'

export interface MarkedPiece {
  text: string
  /** Set when the piece is a mark, whole. */
  mark?: Mark
}

/** Lives for one text. Whatever may still become a mark is held back until it is one, or cannot be. */
export class MarkFinder {
  readonly #marks: Map<string, Mark>
  readonly #firstLetters: Set<string>
  #held = ''

  constructor(marks: readonly Mark[]) {
    this.#marks = new Map(marks.map((mark) => [mark.text, mark]))
    this.#firstLetters = new Set([...this.#marks.keys()].map((text) => text.charAt(0)))
  }

  push(text: string): MarkedPiece[] {
    this.#held += text
    return this.#take(false)
  }

  /** The text has ended: the rest is no longer held back. */
  end(): MarkedPiece[] {
    return this.#take(true)
  }

  #take(isOver: boolean): MarkedPiece[] {
    const pieces: MarkedPiece[] = []
    let from = 0
    let at = 0
    for (; at < this.#held.length; at++) {
      if (!this.#firstLetters.has(this.#held.charAt(at))) continue
      if (!isOver && this.#mayGrow(at)) break
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

  /** Whether all that follows `at` is the beginning of a mark that is not whole yet. */
  #mayGrow(at: number): boolean {
    const rest = this.#held.slice(at)
    return [...this.#marks.keys()].some((text) => text.length > rest.length && text.startsWith(rest))
  }

  /** The longest mark at a place: one file's path may begin another's. */
  #markAt(at: number): Mark | undefined {
    let longest: Mark | undefined
    for (const [text, mark] of this.#marks) {
      if (this.#held.startsWith(text, at) && text.length > (longest?.text.length ?? 0)) longest = mark
    }
    return longest
  }
}
