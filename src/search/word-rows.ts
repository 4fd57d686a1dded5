/** Searches words straight from the rows of a store that does not fit into the memory of the index. */
import { eachTerm } from '../documents/index.ts'
import { mostScore, rareWords, wordScore, wordWeight, type AskedWord } from './bm25.ts'
import { topHits } from './top-hits.ts'
import type { WordHits, WordSource } from './port.ts'

/** A chunk with a word of the query. */
interface Holder {
  chunk_id: string
  length: number
  /** How often it has each word. */
  counts: Uint8Array
}

/**
 * The best chunks, with the scores that the index would give. Reads all rows and keeps those that hold a word. Throws
 * the signal's reason.
 */
export async function searchWordRows(
  source: WordSource,
  asked: readonly AskedWord[],
  { limit, accept }: { limit: number; accept?: (chunk_id: string) => boolean },
  signal: AbortSignal,
): Promise<WordHits> {
  const { holders, holding, chunks, length } = await readHolders(source, asked, signal)
  const weights = asked.map((word, at) => wordWeight(word, holding[at] ?? 0, chunks))
  const most = mostScore(weights)
  const mean = length / Math.max(1, chunks)
  const accepted = accept ? holders.filter(({ chunk_id }) => accept(chunk_id)) : holders
  const scores = Float32Array.from(accepted, (holder) => {
    const scored = weights.map((weight, at) =>
      wordScore(weight, holder.counts[at] ?? 0, holder.length / mean),
    )
    return Math.min(1, scored.reduce((sum, score) => sum + score, 0) / most)
  })
  const ids = accepted.map(({ chunk_id }) => chunk_id)
  return { hits: topHits(ids, scores, limit), rareWords: rareWords(weights, chunks) }
}

async function readHolders(source: WordSource, asked: readonly AskedWord[], signal: AbortSignal) {
  const wordsOf = new Map<number, number[]>()
  for (const [at, { hashes }] of asked.entries()) {
    for (const hash of hashes) wordsOf.set(hash, [...(wordsOf.get(hash) ?? []), at])
  }
  const holders: Holder[] = []
  /** How many chunks hold each word. */
  const holding = new Uint32Array(asked.length)
  let [chunks, total] = [0, 0]
  const parts = await source.parts()
  for await (const page of parts.length > 0 ? source.terms(parts.map(({ part }) => part)) : []) {
    signal.throwIfAborted()
    for (const { chunk_id, terms } of page) {
      let length = 0
      let counts: Uint8Array | undefined
      eachTerm(terms, (hash, count) => {
        length += count
        for (const at of wordsOf.get(hash) ?? []) {
          counts ??= new Uint8Array(asked.length)
          counts[at] = Math.min(255, (counts[at] ?? 0) + count)
        }
      })
      chunks += 1
      total += length
      if (!counts) continue
      holders.push({ chunk_id, length, counts })
      for (const [at, count] of counts.entries()) holding[at] = (holding[at] ?? 0) + Math.sign(count)
    }
  }
  return { holders, holding, chunks, length: total }
}
