/**
 * The port for vector search. A driver is one file here plus a case in `open.ts`. It must pass the contract suite in
 * test/contracts; docs/adding-a-vector-index.md says what it must guarantee.
 */

/** A file of a store. Its vectors are the same as long as its stamp is. */
export interface SourcePart {
  part: string
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
  /** Throws `SegmentsChanged` when there are other segments now than `known`, or when the store is gone. */
  add(
    segment: Omit<Segment, 'id'> & { pages: readonly Uint8Array[] },
    known: readonly Segment[],
  ): Promise<Segment>
  remove(segments: readonly Segment[]): Promise<void>
}

export interface IndexedWindow {
  part: string
  /** The chunk that the window belongs to; several windows may share one. */
  chunk_id: string
  /** A window of several chunks comes once for each of them, within a page as the same array. */
  vector: Float32Array
}

export interface VectorHit {
  chunk_id: string
  /** Cosine, the largest over the chunk's windows. */
  score: number
}

/** One vector store, as each of its indexes needs it. */
export interface StoreSource {
  vector_store_id: string
  /** Raised in every transaction that changes the parts. */
  version(): Promise<number>
  /** What the store consists of now: an index may keep what it has of parts whose stamp it knows. */
  parts(): Promise<SourcePart[]>
  /** The id of a chunk of a part; positions count from 0. */
  chunkId(part: string, position: number): string
  /** Where an index may keep what it made of the rows. */
  segments: SegmentStore
}

export interface VectorSource extends StoreSource {
  dimensions: number
  /** All windows of some parts, in pages. Those of parts that were removed meanwhile are missing. */
  windows(parts: readonly string[]): AsyncIterable<IndexedWindow[]>
}

export interface VectorIndex {
  /** Bytes of memory held now. */
  readonly bytes: number
  /**
   * The `limit` best chunks by cosine, best first, of those that `accept` lets pass (all when it is absent).
   * Compares the source's version first, so a deleted chunk never comes back.
   */
  search(
    source: VectorSource,
    query: Float32Array,
    options: { limit: number; accept?: (chunk_id: string) => boolean },
    signal: AbortSignal,
  ): Promise<VectorHit[]>
  /** Frees what is held for the store. */
  forget(vector_store_id: string): void
}
