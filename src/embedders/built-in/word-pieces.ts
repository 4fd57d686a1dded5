/** Splits English text into the word pieces of BERT's vocabulary. */

/** Punctuation says little about the subject of a text. */
const words = /[\p{L}\p{N}]+/gu
/** The cache is limited, so that a stream of new words does not fill the memory. */
const maxCachedWords = 50_000
const longestWord = 100

/** The numbers of the pieces of a text, in order; what the vocabulary does not have is left out. */
export type WordPieces = (text: string) => number[]

/** The place of a piece in `vocabulary` is its number. A piece inside of a word is written with `##` before it. */
export function wordPieces(vocabulary: readonly string[]): WordPieces {
  const numbers = new Map(vocabulary.map((piece, number) => [piece, number]))
  const cache = new Map<string, number[]>()
  const piecesOf = (word: string): number[] => {
    const known = cache.get(word)
    if (known) return known
    const pieces = longestPieces(word, numbers)
    if (cache.size >= maxCachedWords) cache.clear()
    cache.set(word, pieces)
    return pieces
  }
  return (text) => {
    const plain = text
      .toLowerCase()
      .normalize('NFD')
      .replace(/\p{Mn}/gu, '')
    return (plain.match(words) ?? []).flatMap(piecesOf)
  }
}

/** The longest piece that fits, then the longest of what is left. A word that does not come out even has no pieces. */
function longestPieces(word: string, numbers: ReadonlyMap<string, number>): number[] {
  if (word.length > longestWord) return []
  const pieces: number[] = []
  for (let start = 0; start < word.length;) {
    let end = word.length
    const prefix = start === 0 ? '' : '##'
    while (end > start && !numbers.has(prefix + word.slice(start, end))) end -= 1
    const number = numbers.get(prefix + word.slice(start, end))
    if (number === undefined) return []
    pieces.push(number)
    start = end
  }
  return pieces
}
