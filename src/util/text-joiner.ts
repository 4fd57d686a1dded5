/** Text that comes in pieces, made fit to be stored. */

const lastHalf = /[\uD800-\uDBFF]$/

/**
 * A character may be cut in two by the pieces: its first half waits for the second. What PostgreSQL can not hold,
 * a half without its other and U+0000, becomes U+FFFD.
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
