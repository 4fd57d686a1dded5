/** What the index of words reads and returns. */
import type { SegmentStore, SourcePart } from './port.ts'
import type { TermRow } from './postings.ts'
import type { Hit } from './top-hits.ts'

export interface WordRow extends TermRow {
  part: string
  chunk_id: string
}

/** The rows of one vector store, as its index of words needs them. */
export interface WordSource {
  vector_store_id: string
  /** Raised in every transaction that changes the parts. */
  version(): Promise<number>
  /** What the store consists of now. */
  parts(): Promise<SourcePart[]>
  /** The packed terms of all chunks of some parts, in pages, each chunk once, part after part, by position. */
  terms(parts: readonly string[]): AsyncIterable<WordRow[]>
  /** The id of a chunk of a part; positions count from 0. */
  chunkId(part: string, position: number): string
  /** Where an index may keep what it made of the rows. */
  segments: SegmentStore
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
