/**
 * The port for vector search. A driver is one file here plus a case in `open.ts`. It must pass the contract suite in
 * test/contracts; docs/adding-a-vector-index.md says what it must guarantee.
 */
import type { Hit } from './top-hits.ts'

/** A file of a store. While its stamp stays the same, its vectors do too. */
export interface SourcePart {
  part: number
  stamp: number
  /** How many it has. */
  chunks: number
}

/** The chunks of some parts, numbered part by part. */
export interface Segment {
  id: string
  parts: readonly SourcePart[]
  languages: string[]
}

export type SegmentPages = ReadonlyMap<number, Uint8Array>

/** The segments of one kind that a vector store has. */
export interface SegmentStore {
  list(): Promise<Segment[]>
  /** Some pages of some segments, those that there are. Throws `SegmentsChanged` when a segment was removed. */
  pages(segments: readonly string[], pages: readonly number[]): Promise<Map<string, SegmentPages>>
  /**
   * Asks the workers to make segments of chunks that are in none, to remove segments that have lost most of their chunks, and
   * to make terms of an earlier version again.
   */
  request(): Promise<void>
}

export interface IndexedWindow {
  part: number
  /** The position in its part of the chunk that the window belongs to. Several windows may belong to one chunk. */
  position: number
  /** A window of several chunks comes once for each of them, within a page as the same array. */
  vector: Float32Array
}

/** One vector store, as each of its indexes needs it. */
export interface StoreSource {
  vector_store_id: string
  /** Raised in every transaction that changes the parts. */
  version(): Promise<number>
  /** What the store consists of now: an index may keep what it has of parts whose stamp it knows. */
  parts(): Promise<SourcePart[]>
  /** The id of a chunk of a part; positions count from 0. */
  chunkId(part: number, position: number): string
  /** Where an index may keep what it made of the rows. */
  segments: SegmentStore
}

export interface VectorSource extends StoreSource {
  dimensions: number
  /** All windows of some parts, in pages. Those of parts that were removed meanwhile are missing. */
  windows(parts: readonly number[]): AsyncIterable<IndexedWindow[]>
}

/** The chunks that may be found, by part: those at these positions, or all chunks of the part when it has no positions. */
export type Within = ReadonlyMap<number, ReadonlySet<number> | undefined>

export interface SearchOptions {
  limit: number
  /** All chunks when it is absent. */
  within?: Within | undefined
}

export interface Found {
  /** Best first. The score of vectors is a cosine, the largest over the chunk's windows. */
  hits: Hit[]
  /** How many chunks were not searched, because they are in no segment yet. */
  missing: number
}

export interface VectorIndex {
  /** Bytes of memory held now. */
  readonly bytes: number
  /**
   * The `limit` best chunks by cosine. Compares the source's version first, so a deleted chunk never comes back.
   */
  search(
    source: VectorSource,
    query: Float32Array,
    options: SearchOptions,
    signal: AbortSignal,
  ): Promise<Found>
  /** Frees what is held for the store. */
  forget(vector_store_id: string): void
}
