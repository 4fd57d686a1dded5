/** The tokenizer of the built-in embedder: SentencePiece unigram over the model's own vocabulary. */

/** Encodes a text as the token ids of the model; an empty text has none. */
export interface EmbedderTokenizer {
  encode(text: string): number[]
}

/** The vocabulary writes a space as this character. */
const space = '\u2581'
/** The first entries are control tokens; 0 is the token for text that is not in the vocabulary. */
const reserved = 6
/** The cache of words is limited, so that a stream of new words does not fill the memory. */
const maxCachedWords = 50_000

/**
 * `vocabulary` is a list of pieces with their log probability. A piece has a space at its start only, so each word is
 * encoded by itself and cached.
 */
export function embedderTokenizer(vocabulary: [piece: string, score: number][]): EmbedderTokenizer {
  const pieces = new Map(
    vocabulary.slice(reserved).map(([piece, score], index) => [piece, { id: index + reserved, score }]),
  )
  const longest = Math.max(...[...pieces.keys()].map((piece) => piece.length))
  const cache = new Map<string, number[]>()

  const encodeWord = (word: string): number[] => {
    const known = cache.get(word)
    if (known) return known
    const ids = mostProbable(Array.from(space + word), pieces, longest)
    if (cache.size >= maxCachedWords) cache.clear()
    cache.set(word, ids)
    return ids
  }
  return {
    encode(text) {
      const ids: number[] = []
      for (const word of text.normalize('NFKC').split(/\s+/)) {
        if (word === '') continue
        for (const id of encodeWord(word)) if (id !== 0 || ids.at(-1) !== 0) ids.push(id)
      }
      return ids
    },
  }
}

/** The split of the word into pieces whose probabilities have the greatest product (Viterbi). */
function mostProbable(
  symbols: string[],
  pieces: Map<string, { id: number; score: number }>,
  longest: number,
): number[] {
  const best = new Float64Array(symbols.length + 1).fill(-Infinity)
  const from = new Int32Array(symbols.length + 1)
  const ids = new Int32Array(symbols.length + 1)
  best[0] = 0
  for (let start = 0; start < symbols.length; start += 1) {
    const soFar = best[start] ?? 0
    let text = ''
    let matched = false
    for (let end = start + 1; end <= Math.min(symbols.length, start + longest); end += 1) {
      text += symbols[end - 1]
      const piece = pieces.get(text)
      if (!piece) continue
      matched = true
      if (soFar + piece.score < (best[end] ?? 0)) continue
      best[end] = soFar + piece.score
      from[end] = start
      ids[end] = piece.id
    }
    if (matched || soFar < (best[start + 1] ?? 0)) continue
    best[start + 1] = soFar
    from[start + 1] = start
    ids[start + 1] = 0
  }
  const path: number[] = []
  for (let end = symbols.length; end > 0; end = from[end] ?? 0) path.push(ids[end] ?? 0)
  return path.toReversed()
}
