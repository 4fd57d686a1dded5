/** Joins pieces of text and replaces characters that PostgreSQL cannot store. */

const lastHalf = /[\uD800-\uDBFF]$/

/**
 * A piece may end inside a surrogate pair: the first half is kept until the second arrives. See `storable` for the
 * characters that are replaced.
 */
export class TextJoiner {
  #half = ''

  join(piece: string): string {
    const text = this.#half + piece
    this.#half = lastHalf.exec(text)?.[0] ?? ''
    return storable(this.#half === '' ? text : text.slice(0, -1))
  }
}

/** Replaces the characters that PostgreSQL cannot store, unpaired surrogates and U+0000, by U+FFFD. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}
