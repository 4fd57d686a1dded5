/** Suggestions for mistyped words. */

/** The candidate with the smallest edit distance, or undefined when none is close. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.edits - b.edits)
  const [best] = ranked
  // A word of which no letter is right is not mistyped.
  const limit = Math.min(word.length - 1, Math.max(2, Math.ceil(word.length / 3)))
  return best && best.edits <= limit ? best.candidate : undefined
}

function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [row, letter] of a.split('').entries()) {
    const current = [row + 1]
    for (const [column, other] of b.split('').entries()) {
      const swap = (above[column] ?? 0) + (letter === other ? 0 : 1)
      current.push(Math.min(swap, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    above = current
  }
  return above[b.length] ?? 0
}
