/** Text that PostgreSQL can store. */

/** Replaces the characters that PostgreSQL cannot store, unpaired surrogates and U+0000, by U+FFFD. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

const lastHalf = /[\uD800-\uDBFF]$/

/** Joins pieces of such a text. A piece may end inside a surrogate pair: the first half is kept until the second arrives. */
export class TextJoiner {
  #half = ''

  join(piece: string): string {
    const text = this.#half + piece
    this.#half = lastHalf.exec(text)?.[0] ?? ''
    return storableText(this.#half === '' ? text : text.slice(0, -1))
  }
}
