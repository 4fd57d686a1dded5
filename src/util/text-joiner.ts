/** Joins pieces of text and replaces characters that PostgreSQL cannot store. */
import { storableText } from './storable-text.ts'

const lastHalf = /[\uD800-\uDBFF]$/

/**
 * A piece may end inside a surrogate pair: the first half is kept until the second arrives. See `storableText` for
 * the characters that are replaced.
 */
export class TextJoiner {
  #half = ''

  join(piece: string): string {
    const text = this.#half + piece
    this.#half = lastHalf.exec(text)?.[0] ?? ''
    return storableText(this.#half === '' ? text : text.slice(0, -1))
  }
}
