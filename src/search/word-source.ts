/** What the index of words reads and returns. */
import type { StoreSource } from './port.ts'
import type { TermRow } from './postings.ts'
import type { Hit } from './top-hits.ts'

export interface WordRow extends TermRow {
  part: string
  chunk_id: string
}

export interface WordSource extends StoreSource {
  /** The packed terms of all chunks of some parts, in pages, each chunk once, part after part, by position. */
  terms(parts: readonly string[]): AsyncIterable<WordRow[]>
}

export interface WordQuery {
  text: string
  /** What `Languages.detect` returned; undefined when it was not sure. */
  language: string | undefined
}

export interface WordHits {
  /** Best first. */
  hits: Hit[]
  /** How much the query asks for: a word that one chunk holds counts 1, a frequent one less. */
  rareWords: number
}
