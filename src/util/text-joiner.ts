/** Joins pieces of text and replaces what cannot be stored. */

const lastHalf = /[\uD800-\uDBFF]$/

/**
 * A piece may end inside a surrogate pair: the first half is kept until the second arrives. What PostgreSQL cannot
 * store (an unpaired surrogate and U+0000) becomes U+FFFD.
 */
export class TextJoiner {
  #half = ''

  join(piece: string): string {
    const text = this.#half + piece
    this.#half = lastHalf.exec(text)?.[0] ?? ''
    return storable(this.#half === '' ? text : text.slice(0, -1))
  }
}

export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}
