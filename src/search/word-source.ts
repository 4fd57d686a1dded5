/** What the index of words reads and returns. */
import type { Found, StoreSource } from './port.ts'

export interface WordRow {
  part: number
  position: number
  /** In the form of `TermPacker`, perhaps by the rules of an earlier version. */
  terms: Uint8Array
}

export interface WordSource extends StoreSource {
  /** The packed terms of all chunks of some parts, in pages, each chunk once. */
  terms(parts: readonly number[]): AsyncIterable<WordRow[]>
}

export interface WordQuery {
  text: string
  /** What `Languages.detect` returned; undefined when it was not sure. */
  language: string | undefined
}

export interface WordHits extends Found {
  /** The sum of the weights of the query's words: a word that only one chunk has counts 1, a frequent one less. */
  rareWords: number
}
